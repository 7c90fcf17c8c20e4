//! What processes use, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Ticks per second in `/proc`: 100 on every Linux, whatever the kernel's own rate is (proc(5)).
const TICKS: u64 = 100;

/// The processor time that a process and its descendants have used, ended ones included.
pub fn cpu(root: u32) -> Duration {
    let (mut total, mut parents) = (HashMap::new(), Vec::new());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Some((parent, ticks)) = parent_and_ticks(id) else { continue };
        total.insert(id, ticks);
        parents.push((id, parent));
    }
    let (mut tree, mut seen) = (vec![root], 0);
    while let Some(id) = tree.get(seen).copied() {
        seen += 1;
        tree.extend(parents.iter().filter(|(_, parent)| *parent == id).map(|(child, _)| *child));
    }
    let ticks: u64 = tree.iter().filter_map(|id| total.get(id)).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

pub fn parent(id: u32) -> Option<u32> {
    parent_and_ticks(id).map(|(parent, _)| parent)
}

fn parent_and_ticks(id: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // After the name, which may contain anything: state, parent, and ten more before the four times.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let ticks = (11..15).filter_map(number).sum();
    Some((fields.get(1)?.parse().ok()?, ticks))
}

/// Resident memory now and at most, in MiB.
pub fn memory(id: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}
