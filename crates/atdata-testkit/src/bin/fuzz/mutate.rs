//! Making inputs: seeds, changed a little, with knowledge of nothing but tar checksums.
//!
//! Every index here is below a length that was just asked for; a wrong one would end the run, not hide a finding.
#![allow(clippy::indexing_slicing)]

use atdata_testkit::fuzz::checksum;

/// Longer inputs are cut.
const LONGEST: usize = 24 << 10;

/// Numbers at the edges of what programs count with.
const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    8,
    0x1f,
    0x20,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Pieces of the texts that are parsed.
const WORDS: [&str; 40] = [
    "{",
    "}",
    "{}",
    "{{",
    "..",
    "{0..9}",
    "{000..010..3}",
    "{-1..-9}",
    "{a..z}",
    ",",
    "\\",
    "@",
    "@1.0.0",
    "://",
    "at://",
    "atdata://",
    "local://schemas/",
    "sampleSchema/",
    "schema/",
    "did:plc:",
    "file://",
    "%00",
    "%",
    "?",
    "#",
    "*",
    "\"$type\":",
    "\"local#ndarray\"",
    "null",
    "[]",
    "[[",
    "{\"type\":\"object\"}",
    "\"properties\":",
    "\"$ref\":",
    "-0",
    "1e999",
    "\u{0}",
    "é",
    "\u{202e}",
    "99999999999999999999",
];

/// SplitMix64, as the shuffles use it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound as u64).max(1)) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[5]
    }
}

/// Input number `number` of a target: the same for the same arguments, whatever ran before. The first ones are the
/// seeds themselves.
pub(crate) fn input(target: &str, corpus: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    if let Some(own) = usize::try_from(number).ok().and_then(|number| corpus.get(number)) {
        return own.clone();
    }
    let name = target
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut random = Random(name ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.rotate_left(17));
    random.next();
    if random.below(64) == 0 {
        return (0..random.below(300)).map(|_| random.byte()).collect();
    }
    let mut input = random.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        change(&mut input, &mut random, corpus);
    }
    if target == "tar" && random.below(4) > 0 {
        for _ in 0..=random.below(3) {
            change_header(&mut input, &mut random);
        }
    }
    input.truncate(LONGEST);
    input
}

fn range(input: &[u8], random: &mut Random, longest: usize) -> std::ops::Range<usize> {
    let start = random.below(input.len());
    let len = random.below((input.len() - start).min(longest) + 1);
    start..start + len
}

fn change(input: &mut Vec<u8>, random: &mut Random, corpus: &[Vec<u8>]) {
    let at = random.below(input.len());
    match random.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.byte();
            }
        }
        2 => {
            let bytes: Vec<u8> = (0..random.below(16)).map(|_| random.byte()).collect();
            input.splice(at..at, bytes);
        }
        3 => drop(input.drain(range(input, random, 64))),
        4 => drop(input.drain(range(input, random, usize::MAX))),
        5 => {
            let copy = input[range(input, random, 600)].to_vec();
            input.splice(at..at, copy);
        }
        6 => {
            let other = random.pick(corpus).cloned().unwrap_or_default();
            let piece = other[range(&other, random, 2000)].to_vec();
            let end = (at + random.below(64)).min(input.len());
            input.splice(at..end, piece);
        }
        7 | 8 => edge_number(input, at, random),
        9 => {
            let word = random.pick(&WORDS).copied().unwrap_or_default();
            let end = if random.below(2) == 0 { at } else { (at + word.len()).min(input.len()) };
            input.splice(at..end, word.bytes());
        }
        10 => digits(input, at, random),
        _ => input.truncate(at),
    }
}

/// Overwrites a few bytes with a number, in either byte order.
fn edge_number(input: &mut [u8], at: usize, random: &mut Random) {
    let edge = EDGES[random.below(EDGES.len())].wrapping_add(random.below(3) as u64).wrapping_sub(1);
    let width = 1 << random.below(4);
    let big = random.below(2) == 0;
    let bytes = if big { edge.to_be_bytes() } else { edge.to_le_bytes() };
    let bytes = if big { &bytes[8 - width..] } else { &bytes[..width] };
    for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// Replaces a number in decimal digits.
fn digits(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = input.iter().skip(at).position(u8::is_ascii_digit).map(|found| found + at) else {
        return;
    };
    let end = input
        .iter()
        .skip(start)
        .position(|byte| !byte.is_ascii_digit())
        .map_or(input.len(), |len| start + len);
    let number = EDGES[random.below(EDGES.len())].to_string();
    input.splice(start..end, number.bytes());
}

/// Changes a field of a tar header and mends its checksum, without which everything stops at the first change.
fn change_header(input: &mut [u8], random: &mut Random) {
    let block = random.below(input.len() / 512 + 1) * 512;
    let Some(header) = input.get_mut(block..block + 512) else { return };
    let edge = EDGES[random.below(EDGES.len())];
    match random.below(8) {
        0 | 1 => {
            let size = format!("{:011o}\0", edge & 0o77_777_777_777);
            header[124..136].copy_from_slice(size.as_bytes());
        }
        2 => {
            header[124..128].copy_from_slice(&[0x80 | random.byte() >> random.below(8), 0, 0, 0]);
            header[128..136].copy_from_slice(&edge.to_be_bytes());
        }
        3 => header[156] = b"0\x00157xgLKSVDMNX"[random.below(15)],
        4 => {
            let place = random.below(100);
            header[place] = random.byte();
        }
        5 => {
            let place = 345 + random.below(155);
            header[place] = random.byte();
        }
        6 => {
            header[257..265].copy_from_slice(if random.below(2) == 0 { b"ustar  \0" } else { b"ustar\x0000" })
        }
        _ => {
            let place = random.below(512);
            header[place] = random.byte();
        }
    }
    checksum(header);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use atdata_testkit::fuzz::{TARGETS, seeds};

    use super::*;

    #[test]
    fn an_input_depends_on_its_target_seed_and_number_only() {
        let corpus = seeds("msgpack");
        let inputs = |seed| -> Vec<_> { (0..500).map(|n| input("msgpack", &corpus, seed, n)).collect() };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert_eq!(input("msgpack", &corpus, 1, 400), inputs(1)[400]);
    }

    #[test]
    fn inputs_begin_with_the_seeds_and_hardly_repeat() {
        for (name, _) in TARGETS {
            let corpus = seeds(name);
            assert!(corpus.len() > 10, "{name}");
            let inputs: Vec<_> = (0..1000).map(|n| input(name, &corpus, 1, n)).collect();
            assert_eq!(inputs[..corpus.len()], corpus);
            let different = inputs.iter().collect::<HashSet<_>>().len();
            assert!(different > 600, "{name}: {different}");
            assert!(inputs.iter().all(|input| input.len() <= LONGEST), "{name}");
        }
    }
}
