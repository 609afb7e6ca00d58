use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of the page with everything it loads.
const MAX_BYTES: usize = 300 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explorer")
}

/// Every file of the page below a folder, by its place.
fn files(folder: &Path, above: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = format!("{above}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else if !name.ends_with(".rs") {
            found.insert(name);
        }
    }
    found
}

#[test]
fn every_file_of_the_page_is_served_and_nothing_else() {
    let served: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
    assert_eq!(served, files(&folder(), ""), "the table in explorer.rs names what is in explorer/");
    for path in &served {
        let found = asset(&format!("/ui/{path}")).unwrap();
        assert_eq!(found.bytes, fs::read(folder().join(path)).unwrap(), "{path}");
    }
    assert_eq!(asset("/ui").unwrap().path, "index.html");
    for path in ["/uix", "/ui/../lib.rs", "/ui//index.html", "/ui/vendor", "ui", "/", ""] {
        assert!(asset(path).is_none(), "{path}");
    }
}

#[test]
fn the_libraries_are_those_of_the_manifest() {
    let manifest: Value = serde_json::from_slice(asset("/ui/vendor/manifest.json").unwrap().bytes).unwrap();
    let mut named = BTreeSet::from(["manifest.json".to_owned(), "licences.txt".to_owned()]);
    for module in manifest["modules"].as_array().unwrap() {
        let file = module["file"].as_str().unwrap();
        let bytes = asset(&format!("/ui/vendor/{file}")).unwrap().bytes;
        assert_eq!(hex::encode(sha256(&[bytes]).as_bytes()), module["sha256"].as_str().unwrap(), "{file}");
        assert!(!module["from"].as_array().unwrap().is_empty(), "{file} comes from somewhere");
        for package in module["from"].as_array().unwrap() {
            let licence = package["license"].as_str().unwrap();
            assert!(["MIT", "Apache-2.0"].contains(&licence), "{package}");
        }
        named.insert(file.to_owned());
    }
    assert_eq!(named, files(&folder().join("vendor"), ""));
}

#[test]
fn the_page_is_small_and_holds_no_script_of_its_own() {
    let total: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
    assert!(total <= MAX_BYTES, "{total} bytes");
    let page = std::str::from_utf8(asset("/ui").unwrap().bytes).unwrap();
    assert!(page.contains(r#"<script type="module" src="/ui/"#));
    assert!(!page.contains("<style") && !page.contains(" style="), "the policy would refuse it");
    for asset in ASSETS.iter().filter(|asset| !asset.path.starts_with("vendor/")) {
        let text = std::str::from_utf8(asset.bytes).unwrap();
        for refused in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(refused), "{} has {refused}", asset.path);
        }
        assert!(!text.contains("https://"), "{} names another site", asset.path);
    }
}
