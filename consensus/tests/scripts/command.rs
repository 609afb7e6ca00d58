//! A line of a script: a name, words, and `key=value` options.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;

/// A command. What it means takes its parts out; what is left over is a mistake in the script.
#[derive(Clone, Debug)]
pub struct Command {
    /// The first word.
    pub name: String,
    words: VecDeque<String>,
    options: BTreeMap<String, String>,
}

impl Command {
    /// Reads a line. None if it is empty or a comment.
    pub fn read(line: &str) -> Result<Option<Command>, String> {
        let text = line.split('#').next().unwrap_or_default();
        let (mut words, mut options) = (VecDeque::new(), BTreeMap::new());
        for word in text.split_whitespace() {
            match word.split_once('=') {
                None => words.push_back(word.to_owned()),
                Some((key, value)) => {
                    if options.insert(key.to_owned(), value.to_owned()).is_some() {
                        return Err(format!("{line}: {key} is said twice"));
                    }
                }
            }
        }
        Ok(words.pop_front().map(|name| Command { name, words, options }))
    }

    /// Takes the next word.
    pub fn word(&mut self) -> Result<String, String> {
        self.words.pop_front().ok_or_else(|| "a word is missing".to_owned())
    }

    /// Takes all words.
    pub fn words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words).into()
    }

    /// Takes an option.
    pub fn option(&mut self, key: &str) -> Option<String> {
        self.options.remove(key)
    }

    /// Takes an option that must be there.
    pub fn needed(&mut self, key: &str) -> Result<String, String> {
        self.option(key).ok_or_else(|| format!("{key}= is missing"))
    }

    /// Takes an option that is a number, if it is there.
    pub fn number<N: FromStr>(&mut self, key: &str) -> Result<Option<N>, String> {
        let parse = |text: String| text.parse().map_err(|_| format!("{key}={text} is no number"));
        self.option(key).map(parse).transpose()
    }

    /// Takes an option that is a list of members, if it is there.
    pub fn members(&mut self, key: &str, size: usize) -> Result<Option<Vec<usize>>, String> {
        let list = self.option(key);
        list.map(|list| list.split(',').map(|name| member(name, size)).collect()).transpose()
    }

    /// Fails if anything is left.
    pub fn end(&self) -> Result<(), String> {
        match self.words.iter().chain(self.options.keys()).next() {
            None => Ok(()),
            Some(left) => Err(format!("{left} means nothing here")),
        }
    }
}

/// The place of `n0`, `n1` and so on.
pub fn member(name: &str, size: usize) -> Result<usize, String> {
    let place = name.strip_prefix('n').and_then(|place| place.parse().ok()).filter(|place| *place < size);
    place.ok_or_else(|| format!("{name} is no member"))
}
