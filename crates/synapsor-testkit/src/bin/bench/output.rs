//! How are the figures printed? The only module that prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module is where the bench prints")]

use serde_json::json;

use crate::figure::{Figure, Unit};

const HEAD: [&str; 8] = ["figure", "measured", "p50 / p99", "cpu/call", "busy", "floor", "ratio", "aim"];

/// A line of progress, beside the answer.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// All figures, on stdout.
pub(crate) fn print(figures: &[Figure], json: bool, quick: bool) {
    if json {
        println!("{:#}", json!({"schema": "synapsor.bench.v1", "quick": quick, "figures": figures}));
        return;
    }
    let lines: Vec<[String; 8]> = figures.iter().map(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).chain([HEAD[column].len()]).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |cells: [&str; 8]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("| {} |", padded.join(" | "));
    };
    line(HEAD);
    println!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
    for cells in &lines {
        line(std::array::from_fn(|column| cells[column].as_str()));
    }
}

fn cells(figure: &Figure) -> [String; 8] {
    let Figure { name, value, unit, p50, p99, cpu, busy, floors, ratio, aim, .. } = figure;
    let latency = p50.zip(*p99).map(|(p50, p99)| format!("{} / {}", seconds(p50), seconds(p99)));
    let floors = floors.iter().map(|floor| format!("{} {}", floor.name, told(floor.value, *unit)));
    let aim = aim.as_ref().map(|aim| format!("{}: {}", aim.words, if aim.reached { "reached" } else { "NOT reached" }));
    [
        name.clone(),
        told(*value, *unit),
        latency.unwrap_or_default(),
        cpu.map(seconds).unwrap_or_default(),
        busy.map(|busy| format!("{:.0} %", busy * 100.0)).unwrap_or_default(),
        floors.collect::<Vec<_>>().join(", "),
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        aim.unwrap_or_default(),
    ]
}

fn told(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", significant(value)),
        Unit::Seconds => seconds(value),
        Unit::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
    }
}

fn seconds(value: f64) -> String {
    if value < 0.001 { format!("{} µs", significant(value * 1e6)) } else { format!("{} ms", significant(value * 1e3)) }
}

/// Three digits, never fewer than those before the point.
fn significant(value: f64) -> String {
    match value {
        small if small < 10.0 => format!("{small:.2}"),
        middle if middle < 100.0 => format!("{middle:.1}"),
        large => format!("{large:.0}"),
    }
}
