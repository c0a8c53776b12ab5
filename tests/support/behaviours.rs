//! Lists of behaviours that every adapter must show.

/// What ran on one adapter, by name. Printed when it is made, one line each, for CI to compare.
#[derive(Debug)]
pub struct Ran {
    adapter: &'static str,
    names: Vec<&'static str>,
}

impl Ran {
    /// `names` ran on `adapter`, in any order.
    pub fn on(adapter: &'static str, mut names: Vec<&'static str>) -> Self {
        names.sort_unstable();
        for name in &names {
            println!("{adapter}: {name}");
        }
        Self { adapter, names }
    }

    /// The names, sorted.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Demands that the same ran everywhere, and something at all.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn assert_identical(ran: &[&Self]) {
        let (first, others) = ran.split_first().expect("a list to compare");
        assert!(!first.names.is_empty(), "nothing ran on {}", first.adapter);
        for other in others {
            assert_eq!(
                first.names, other.names,
                "{} and {}",
                first.adapter, other.adapter
            );
        }
    }
}
