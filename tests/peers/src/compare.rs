//! One case after the other, and what came of all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ravelin_runtime::core::path::{Denial, Identity};

use crate::contender::{Answer, Mode, Name, Operation};
use crate::difference::Difference;
use crate::scene::Snapshot;
use crate::trace::Trace;

/// What was asked, and what is known about it.
#[derive(Clone, Copy)]
pub struct Case<'c> {
    pub layout: &'c str,
    pub operation: Operation,
    pub path: &'c [u8],
    pub trace: &'c Trace,
    /// What lies below the root.
    pub inside: &'c BTreeSet<Identity>,
}

/// What came of one contender: its answer, and the tree afterwards where it changed it.
#[derive(Clone)]
pub struct Outcome<E> {
    pub answer: Answer<E>,
    pub after: Option<Snapshot>,
}

/// How often each thing happened.
#[derive(Default)]
pub struct Tally {
    /// What ours was asked, once for each mode and way.
    pub cases: usize,
    /// Pairs of ours and a peer.
    pub pairs: usize,
    /// Both opened, and it was the same.
    pub same: usize,
    /// Nobody opened.
    pub refused: usize,
    pub differences: BTreeMap<(Difference, Name), usize>,
    faults: usize,
    /// The first of them.
    shown: Vec<String>,
}

/// Faults that are shown at most.
const SHOWN: usize = 40;

impl Tally {
    /// Compares ours, under a mode, with each peer.
    pub fn compare(
        &mut self,
        case: Case<'_>,
        mode: Mode,
        ours: &Outcome<Denial>,
        peers: &[(Name, Outcome<String>)],
    ) {
        self.cases += 1;
        if let Ok(opened) = &ours.answer {
            let demanded = Difference::demanded(case.operation, mode, case.trace);
            if !demanded.is_empty() {
                let fault = format!("ours opens what it has to refuse for {demanded:?}");
                self.fault(case, Some(mode), &fault);
            }
            self.check_opened(case, "ours", *opened, case.trace.identity);
        }
        for (name, peer) in peers {
            self.pairs += 1;
            if let Ok(opened) = &peer.answer {
                // pathrs reads these two otherwise.
                let unlike = case.trace.nul || case.trace.below_root;
                let found = if unlike { *opened } else { case.trace.identity };
                self.check_opened(case, name.as_str(), *opened, found);
            }
            self.compare_pair(case, mode, ours, *name, peer);
        }
    }

    /// Compares ours with itself, with `openat2` and without.
    pub fn compare_ways(
        &mut self,
        case: Case<'_>,
        mode: Mode,
        one: &Outcome<Denial>,
        other: &Outcome<Denial>,
    ) {
        if one.answer != other.answer || one.after != other.after {
            let fault = format!(
                "openat2 says {:?}, and the walk {:?}",
                one.answer, other.answer
            );
            self.fault(case, Some(mode), &fault);
        }
    }

    /// What may never be, whatever the contenders say.
    pub fn fault(&mut self, case: Case<'_>, mode: Option<Mode>, fault: &str) {
        self.faults += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(format!(
                "{}, {:?} \"{}\", {mode:?}: {fault}\n    {:?}",
                case.layout,
                case.operation,
                case.path.escape_ascii(),
                case.trace
            ));
        }
    }

    /// How often a class occurred.
    pub fn count(&self, difference: Difference) -> usize {
        let of = |name| self.differences.get(&(difference, name)).unwrap_or(&0);
        of(Name::CapStd) + of(Name::Pathrs)
    }

    /// Ends the test if there was a fault, or if something did not occur as often as it has to.
    pub fn judge(&self, same: usize, floors: &[(Difference, usize)]) {
        println!("{self}");
        let faults = self.shown.join("\n");
        assert!(self.faults == 0, "{} faults:\n{faults}", self.faults);
        assert!(self.same >= same, "the same was opened {} times", self.same);
        for (difference, floor) in floors {
            let count = self.count(*difference);
            assert!(count >= *floor, "{difference:?} occurred {count} times");
        }
        for difference in Difference::ALL {
            let expected = floors.iter().any(|(class, _)| *class == difference);
            let count = self.count(difference);
            assert!(
                expected || count == 0,
                "{difference:?} occurred {count} times, and has no floor"
            );
        }
    }

    /// What is opened lies below the root, and is what the trace found.
    fn check_opened(
        &mut self,
        case: Case<'_>,
        who: &str,
        opened: Option<Identity>,
        found: Option<Identity>,
    ) {
        let Some(identity) = opened else {
            return;
        };
        if !case.inside.contains(&identity) {
            self.fault(case, None, &format!("{who} leaves the root"));
        }
        if found != opened {
            self.fault(case, None, &format!("{who} opens something else"));
        }
    }

    fn compare_pair(
        &mut self,
        case: Case<'_>,
        mode: Mode,
        ours: &Outcome<Denial>,
        name: Name,
        peer: &Outcome<String>,
    ) {
        let Case {
            operation, trace, ..
        } = case;
        let difference = match (&ours.answer, &peer.answer) {
            (Ok(one), Ok(other)) => {
                if one == other && ours.after == peer.after {
                    self.same += 1;
                } else {
                    let fault = format!("ours and {name:?} do not come to the same");
                    self.fault(case, Some(mode), &fault);
                }
                return;
            }
            (Err(_), Err(_)) => {
                self.refused += 1;
                return;
            }
            (Err(denial), Ok(_)) => Difference::of_refusal(*denial, name, operation, mode, trace),
            (Ok(_), Err(_)) => Difference::of_peer(name, operation, trace),
        };
        match difference {
            Some(class) => *self.differences.entry((class, name)).or_default() += 1,
            None => {
                let fault = format!(
                    "ours says {:?}, and {name:?} {:?}",
                    ours.answer, peer.answer
                );
                self.fault(case, Some(mode), &fault);
            }
        }
    }
}

/// The table of the README.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            pairs,
            same,
            refused,
            ..
        } = self;
        writeln!(
            f,
            "{cases} cases, {pairs} pairs: {same} the same, {refused} refused by both\n"
        )?;
        writeln!(f, "| class | cap-std | pathrs | why |\n|---|---|---|---|")?;
        for difference in Difference::ALL
            .iter()
            .filter(|class| self.count(**class) > 0)
        {
            let of = |name| self.differences.get(&(*difference, name)).unwrap_or(&0);
            writeln!(
                f,
                "| {difference:?} | {} | {} | {} |",
                of(Name::CapStd),
                of(Name::Pathrs),
                difference.why()
            )?;
        }
        Ok(())
    }
}
