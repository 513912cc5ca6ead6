//! Words of the command line: options by name, the rest in order. Must not know what they mean.

use std::collections::BTreeMap;

use penstock_sim::Error;

/// The words behind a command.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    named: BTreeMap<String, String>,
    rest: Vec<String>,
}

impl Arguments {
    /// Sorts words into `--name value`, `--name=value` and the rest; only names in `known` are taken.
    pub(crate) fn sort(words: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self, Error> {
        let mut sorted = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                sorted.rest.push(word);
                continue;
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (name.to_owned(), words.next()),
            };
            if !known.contains(&name.as_str()) {
                let known = known.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ");
                return Err(Error::Usage(format!("option --{name} is not known here: use {known}")));
            }
            let Some(value) = value else { return Err(Error::Usage(format!("option --{name} needs a value"))) };
            sorted.named.insert(name, value);
        }
        Ok(sorted)
    }

    /// The text of an option.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// An option read as a number or the like.
    pub(crate) fn read<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(Error::Usage(format!("option --{name} cannot be {text:?}"))),
            },
        }
    }

    /// The words that are no options.
    pub(crate) fn rest(&self) -> &[String] {
        &self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(words: &[&str]) -> Result<Arguments, Error> {
        Arguments::sort(words.iter().map(|word| (*word).to_owned()), &["at", "size"])
    }

    #[test]
    fn options_and_the_rest() {
        let sorted = sort(&["burst", "--at", "DMA 3", "--size=80"]).expect("known");
        assert_eq!(sorted.rest(), ["burst"]);
        assert_eq!(sorted.text("at"), Some("DMA 3"));
        assert_eq!(sorted.read::<f64>("size").expect("a number"), Some(80.0));
    }

    #[test]
    fn wrong_options_are_named() {
        assert!(sort(&["--where", "x"]).expect_err("unknown").to_string().contains("--at, --size"));
        assert!(sort(&["--at"]).expect_err("no value").to_string().contains("--at needs a value"));
        let sorted = sort(&["--size", "big"]).expect("known");
        assert!(sorted.read::<f64>("size").expect_err("no number").to_string().contains("big"));
    }
}
