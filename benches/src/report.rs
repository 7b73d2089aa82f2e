//! What a measurement says: a row on the terminal and an entry in `target/bench.json`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One measured figure beside its reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured, in words joined by dashes.
    pub name: String,
    /// The median.
    pub value: f64,
    /// What the value counts.
    pub unit: String,
    /// What the value is compared with, and how much that was.
    pub reference: String,
    /// The value divided by the reference.
    pub ratio: f64,
}

/// Where the figures of all measurements are collected.
pub fn figures_path() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench.json")).to_owned()
}

/// Prints the figure as a row of a table and puts it into the file of figures.
///
/// Fails when the terminal or the file cannot be written, or when the file holds something else.
pub fn publish(figure: &Figure) -> anyhow::Result<()> {
    write_row(&mut io::stdout().lock(), figure)?;
    let path = figures_path();
    merge(&path, figure).with_context(|| format!("cannot add the figure to {}", path.display()))
}

/// Writes the figures whose names start so as a table into README.md, between two comments that name the prefix.
///
/// Fails when README.md has no such comments.
pub fn write_table(prefix: &str) -> anyhow::Result<()> {
    let figures: Vec<Figure> = serde_json::from_slice(&fs::read(figures_path())?)?;
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
    let text = fs::read_to_string(path)?;
    let wanted: Vec<&Figure> = figures.iter().filter(|figure| figure.name.starts_with(prefix)).collect();
    let changed = with_table(&text, prefix, &wanted).context("README.md has no place for the table")?;
    Ok(fs::write(path, changed)?)
}

fn with_table(text: &str, prefix: &str, figures: &[&Figure]) -> Option<String> {
    let (begin, end) = (format!("<!-- begin {prefix} -->\n"), format!("<!-- end {prefix} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    let mut table = String::from("| Name | Value | Beside | Ratio |\n|---|---|---|---|\n");
    for Figure { name, value, unit, reference, ratio } in figures {
        table += &format!("| `{name}` | {value:.1} {unit} | {reference} | {ratio:.2} |\n");
    }
    Some(format!("{before}{begin}{table}{end}{after}"))
}

/// The middle of the values, or the mean of the two in the middle; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
}

fn write_row(out: &mut impl io::Write, figure: &Figure) -> io::Result<()> {
    let Figure { name, value, unit, reference, ratio } = figure;
    writeln!(out, "{:<26} {:>14} {:<10} {:>7}  reference", "name", "value", "unit", "ratio")?;
    writeln!(out, "{name:<26} {value:>14.1} {unit:<10} {ratio:>7.3}  {reference}")
}

/// Replaces the entry of the same name, or adds one.
fn merge(path: &Path, figure: &Figure) -> anyhow::Result<()> {
    let mut figures: Vec<Figure> = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    match figures.iter_mut().find(|known| known.name == figure.name) {
        Some(known) => known.clone_from(figure),
        None => figures.push(figure.clone()),
    }
    let mut text = serde_json::to_string_pretty(&figures)?;
    text.push('\n');
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension("json.new");
    fs::write(&unfinished, text)?;
    Ok(fs::rename(&unfinished, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure {
            name: name.to_owned(),
            value,
            unit: "tokens/s".to_owned(),
            reference: "another program: 2.0/s".to_owned(),
            ratio: value / 2.0,
        }
    }

    #[test]
    fn a_figure_replaces_the_one_of_its_name_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("target/bench.json");
        for (name, value) in [("a", 1.0), ("b", 2.0), ("a", 3.0)] {
            merge(&path, &figure(name, value)).expect("merged");
        }
        let figures: Vec<Figure> = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        assert_eq!(figures, [figure("a", 3.0), figure("b", 2.0)]);
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bench.json");
        fs::write(&path, "{}").expect("written");
        assert!(merge(&path, &figure("a", 1.0)).is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "{}");
    }

    #[test]
    fn a_table_stands_between_its_comments_only() {
        let text = "a\n<!-- begin x- -->\nold\n<!-- end x- -->\nb\n";
        let changed = with_table(text, "x-", &[&figure("x-1", 4.0)]).expect("a place");
        assert!(changed.starts_with("a\n<!-- begin x- -->\n| Name"));
        assert!(
            changed
                .ends_with("| `x-1` | 4.0 tokens/s | another program: 2.0/s | 2.00 |\n<!-- end x- -->\nb\n")
        );
        assert_eq!(with_table(text, "y-", &[]), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
