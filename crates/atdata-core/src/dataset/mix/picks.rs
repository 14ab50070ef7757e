//! Which part of a mix the next sample comes from.

use serde::{Deserialize, Serialize};

use crate::dataset::order::{Random, derived};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MixPlan {
    pub(super) draw: Draw,
    pub(super) epoch: u64,
    pub(super) rank: u32,
    pub(super) world_size: u32,
    pub(super) until_first_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Draw {
    Concatenated,
    RoundRobin,
    Weighted { seed: u64, weights: Vec<u32> },
}

/// What decides on the next part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Picks {
    /// The state of the generator.
    pub(super) random: u64,
    /// Whose turn it is.
    pub(super) turn: usize,
    pub(super) ended: Vec<bool>,
}

#[derive(Debug)]
pub(super) struct Picker {
    pub(super) plan: MixPlan,
    /// For the next sample.
    pub(super) next: Picks,
    /// Behind the last sample that was taken.
    pub(super) taken: Picks,
}

impl Picker {
    pub(super) fn new(plan: MixPlan, parts: usize) -> Self {
        let random = match &plan.draw {
            Draw::Weighted { seed, .. } => derived(derived(*seed, plan.epoch), plan.rank.into()),
            _ => 0,
        };
        let picks = Picks { random, turn: 0, ended: vec![false; parts] };
        Self { plan, next: picks.clone(), taken: picks }
    }

    /// The part that the next sample comes from; none once all have ended.
    pub(super) fn pick(&mut self) -> Option<usize> {
        let Picks { random, turn, ended } = &mut self.next;
        match &self.plan.draw {
            Draw::Concatenated => ended.iter().position(|ended| !ended),
            Draw::RoundRobin => {
                let count = ended.len();
                let place = (0..count)
                    .map(|i| (*turn + i) % count)
                    .find(|place| ended.get(*place) == Some(&false))?;
                *turn = (place + 1) % count;
                Some(place)
            }
            Draw::Weighted { weights, .. } => {
                let left = || {
                    weights
                        .iter()
                        .zip(&*ended)
                        .map(|(weight, ended)| if *ended { 0 } else { u64::from(*weight) })
                };
                let total = usize::try_from(left().sum::<u64>()).ok().filter(|total| *total > 0)?;
                let mut generator = Random::new(*random);
                let mut drawn = generator.below(total) as u64;
                *random = generator.state();
                left().position(|weight| {
                    let hit = drawn < weight;
                    drawn = drawn.saturating_sub(weight);
                    hit
                })
            }
        }
    }

    /// Notes that a part has ended, and says whether the mix goes on.
    pub(super) fn ended(&mut self, place: usize) -> bool {
        if let Some(ended) = self.next.ended.get_mut(place) {
            *ended = true;
        }
        !self.plan.until_first_end
    }

    /// Notes that the sample of the last pick was taken.
    pub(super) fn take(&mut self) {
        let Picks { random, turn, ended } = &self.next;
        (self.taken.random, self.taken.turn) = (*random, *turn);
        self.taken.ended.clone_from(ended);
    }
}
