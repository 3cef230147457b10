//! What does a person see of a run?

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module is where the program prints")]

use crate::checker::Kind;
use crate::plan::Plan;
use crate::tally::Tally;

/// So many places are named, and no more are.
const FEW: usize = 16;

/// A line of progress.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// The seed and the folder, before anything is tried.
pub(crate) fn begin(plan: &Plan) {
    println!("seed {}, folder {}", plan.seed, plan.folder.display());
}

/// The figures of a part when it ends.
pub(crate) fn part(plan: &Plan, tally: &Tally) {
    let Tally { part, trials, placed, not_placed, .. } = tally;
    let [lost, duplicated, wrong] = [Kind::Lost, Kind::Duplicated, Kind::WrongState].map(|kind| tally.wrong(kind));
    println!(
        "{part}: {trials} trials, {placed} faults placed at {} places, {not_placed} not placed; lost {lost}, duplicated {duplicated}, \
         wrong state {wrong} ({:.0} s)",
        tally.places.len(),
        tally.took.as_secs_f64()
    );
    if let Some(longest) = tally.recovered {
        println!("  longest recovery: {:.1} s", longest.as_secs_f64());
    }
    if tally.places.len() <= FEW {
        tally.places.iter().for_each(|place| println!("  {place}"));
    }
    for (number, words) in &tally.failing {
        println!("  WRONG in trial {number}: {words}");
        println!("    folder: {}", plan.folder.join(format!("{part}-{number}")).display());
        println!("    again:  cargo xtask chaos --only {part} --seed {} --trial {number}", plan.seed);
    }
}

/// The closing line.
pub(crate) fn end(tallies: &[Tally], seconds: f64) {
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (trials, placed, not_placed) = (sum(|tally| tally.trials), sum(|tally| tally.placed), sum(|tally| tally.not_placed));
    let wrong: usize = tallies.iter().map(|tally| tally.failing.len()).sum();
    println!("{trials} trials, {placed} faults placed, {not_placed} not placed, {wrong} wrong ({seconds:.0} s)");
}
