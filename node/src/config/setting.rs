//! How one value is read from the file, read from text, and shown.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use witan_types::NodeId;

/// A type that a setting may have. Errors say what was expected.
pub trait Setting: Sized {
    /// The value that the file gives.
    ///
    /// # Errors
    /// What was expected instead.
    fn read(value: &toml::Value) -> Result<Self, String>;

    /// The value that the environment or a flag gives.
    ///
    /// # Errors
    /// What was expected instead.
    fn read_text(text: &str) -> Result<Self, String> {
        Self::read(&toml::Value::String(text.to_owned()))
    }

    /// The value as TOML: what [`Setting::read`] reads back.
    fn show(&self) -> String;
}

fn quoted(text: impl ToString) -> String {
    toml::Value::String(text.to_string()).to_string()
}

fn text_of<'a>(value: &'a toml::Value, expected: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| expected.to_owned())
}

impl Setting for String {
    fn read(value: &toml::Value) -> Result<String, String> {
        text_of(value, "text in quotes").map(str::to_owned)
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

impl Setting for PathBuf {
    fn read(value: &toml::Value) -> Result<PathBuf, String> {
        let path = text_of(value, "a path in quotes")?;
        if path.is_empty() { Err("a path in quotes".into()) } else { Ok(path.into()) }
    }

    fn show(&self) -> String {
        quoted(self.display())
    }
}

impl Setting for bool {
    fn read(value: &toml::Value) -> Result<bool, String> {
        value.as_bool().ok_or_else(|| "true or false".into())
    }

    fn read_text(text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| "true or false".into())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! number {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            fn read(value: &toml::Value) -> Result<$number, String> {
                value.as_integer().and_then(|number| number.try_into().ok()).ok_or_else(Self::expected)
            }

            fn read_text(text: &str) -> Result<$number, String> {
                text.replace('_', "").parse().map_err(|_| Self::expected())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }

        impl Expected for $number {
            fn expected() -> String {
                // A file's integers are 64-bit and signed, so no setting can be larger than that.
                let most = u64::from(<$number>::MAX).min(i64::MAX as u64);
                format!("a whole number from 0 to {most}")
            }
        }
    )*};
}

trait Expected {
    fn expected() -> String;
}

number!(u32, u64);

/// Lengths of time: a whole number and a unit, "500ms", "10s", "2m", "1h".
impl Setting for Duration {
    fn read(value: &toml::Value) -> Result<Duration, String> {
        let expected = "a length of time such as \"500ms\", \"10s\", \"2m\" or \"1h\"";
        let text = text_of(value, expected)?;
        let split = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(expected)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| expected)?;
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(expected.into()),
        };
        number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| expected.into())
    }

    fn show(&self) -> String {
        let ms = self.as_millis();
        let (number, unit) = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")]
            .into_iter()
            .find(|(unit_ms, _)| ms != 0 && ms.is_multiple_of(*unit_ms))
            .map_or((ms, "ms"), |(unit_ms, unit)| (ms / unit_ms, unit));
        quoted(format!("{number}{unit}"))
    }
}

impl Setting for SocketAddr {
    fn read(value: &toml::Value) -> Result<SocketAddr, String> {
        let expected = "an address and a port such as \"127.0.0.1:27001\"";
        text_of(value, expected)?.parse().map_err(|_| expected.into())
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

/// A setting that can be "off".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Optional<T>(pub Option<T>);

impl<T: Setting> Setting for Optional<T> {
    fn read(value: &toml::Value) -> Result<Optional<T>, String> {
        if value.as_str() == Some("off") {
            return Ok(Optional(None));
        }
        T::read(value)
            .map(|value| Optional(Some(value)))
            .map_err(|expected| format!("{expected}, or \"off\""))
    }

    fn show(&self) -> String {
        self.0.as_ref().map_or_else(|| quoted("off"), Setting::show)
    }
}

/// Lists; as text, with commas.
impl<T: Setting> Setting for Vec<T> {
    fn read(value: &toml::Value) -> Result<Vec<T>, String> {
        let items = value.as_array().ok_or("a list in brackets")?;
        items
            .iter()
            .map(T::read)
            .collect::<Result<_, _>>()
            .map_err(|expected| format!("a list of items, each {expected}"))
    }

    fn read_text(text: &str) -> Result<Vec<T>, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items
            .map(T::read_text)
            .collect::<Result<_, _>>()
            .map_err(|expected| format!("items with commas, each {expected}"))
    }

    fn show(&self) -> String {
        match self.as_slice() {
            [] => "[]".into(),
            items => {
                let lines: Vec<String> = items.iter().map(|item| format!("    {},\n", item.show())).collect();
                format!("[\n{}]", lines.concat())
            }
        }
    }
}

/// A node to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// The identity it must prove.
    pub node: NodeId,
    /// Its host name or address.
    pub host: String,
    /// Its p2p port.
    pub port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}@{open}{}{close}:{}", self.node, self.host, self.port)
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let expected = "a peer such as \"0x<64 hex digits of its node id>@192.0.2.1:27000\"";
        let (node, place) = text.split_once('@').ok_or(expected)?;
        let (host, port) = place.rsplit_once(':').ok_or(expected)?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_:".contains(letter);
        if bare.is_empty()
            || bare.len() > 253
            || !bare.chars().all(plain)
            || (bare == host && host.contains(':'))
        {
            return Err(expected.into());
        }
        let node = node.parse().map_err(|_| expected)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(expected)?;
        Ok(Peer { node, host: bare.to_owned(), port })
    }
}

impl Setting for Peer {
    fn read(value: &toml::Value) -> Result<Peer, String> {
        text_of(value, "a peer in quotes")?.parse()
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

/// Which groups of users' keys a node follows beside those that its validator key is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Follow {
    /// All, if the node has no vote in any group; else none.
    #[default]
    Auto,
    /// All.
    All,
    /// These.
    Listed(Vec<u32>),
}

impl Setting for Follow {
    fn read(value: &toml::Value) -> Result<Follow, String> {
        match value.as_str() {
            Some("auto") => Ok(Follow::Auto),
            Some("all") => Ok(Follow::All),
            _ => Vec::read(value).map(Follow::Listed).map_err(|_| expected_groups()),
        }
    }

    fn read_text(text: &str) -> Result<Follow, String> {
        match text {
            "auto" => Ok(Follow::Auto),
            "all" => Ok(Follow::All),
            _ => Vec::read_text(text).map(Follow::Listed).map_err(|_| expected_groups()),
        }
    }

    fn show(&self) -> String {
        match self {
            Follow::Auto => quoted("auto"),
            Follow::All => quoted("all"),
            Follow::Listed(groups) => format!("{groups:?}"),
        }
    }
}

fn expected_groups() -> String {
    "auto, all, or a list of groups by their numbers".into()
}

/// A setting with a few named values.
macro_rules! choice {
    ($(#[doc = $about:literal])* $Choice:ident { $($(#[doc = $doc:literal])* $Variant:ident = $text:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Choice {
            $($(#[doc = $doc])* $Variant,)*
        }

        impl $Choice {
            /// As users write it.
            pub fn name(self) -> &'static str {
                match self {
                    $($Choice::$Variant => $text,)*
                }
            }
        }

        impl fmt::Display for $Choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl Setting for $Choice {
            fn read(value: &toml::Value) -> Result<$Choice, String> {
                match value.as_str() {
                    $(Some($text) => Ok($Choice::$Variant),)*
                    _ => Err(format!("one of {}", [$($text),*].join(", "))),
                }
            }

            fn show(&self) -> String {
                quoted(self.name())
            }
        }
    };
}

choice!(
    /// How important a line must be to be written.
    LogLevel {
        /// What stops the node or loses something.
        Error = "error",
        /// What an operator should look at.
        Warn = "warn",
        /// One line a block, and what changes.
        Info = "info",
        /// Every step.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
);

choice!(
    /// The form of log lines.
    LogFormat {
        /// For people on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
);
