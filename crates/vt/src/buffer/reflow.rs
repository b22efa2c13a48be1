//! Wrapping lines anew for another width, step by step as xterm.js does it (`BufferReflow.ts` and `Buffer.ts` there; MIT License,
//! © The xterm.js authors). Lines with the cursor are left alone: the program will draw them again.

use super::resize::{Line, Lines};
use crate::cell::Cell;

impl Lines {
    /// The end of the run of wrapped lines that begins at `y`.
    fn run_end(&self, y: usize) -> usize {
        (y + 1..self.lines.len()).find(|at| !self.lines[*at].wrapped).unwrap_or(self.lines.len())
    }

    fn has_cursor(&self, from: usize, to: usize) -> bool {
        (from..to).contains(&(self.base + self.y))
    }

    /// Pulls text up into lines that have room now.
    pub(super) fn widen(&mut self, old_cols: usize, cols: usize) {
        let mut kept = vec![true; self.lines.len()];
        let mut y = 0;
        while y < self.lines.len() {
            let end = self.run_end(y);
            if end > y + 1 && !self.has_cursor(y, end) {
                let emptied = pull_up(&mut self.lines[y..end], old_cols, cols);
                kept[end - emptied..end].fill(false);
            }
            y = end;
        }
        let before = self.lines.len();
        let mut keep = kept.into_iter();
        self.lines.retain(|_| keep.next().unwrap_or(true));
        let removed = before - self.lines.len();
        for _ in 0..removed {
            if self.base > 0 {
                self.base -= 1;
            } else {
                self.y = self.y.saturating_sub(1);
                if self.lines.len() < self.rows {
                    self.lines.push(Line::blank(cols, false));
                }
            }
        }
        if removed > 0 {
            self.saved = self.saved.saturating_sub(removed);
        }
    }

    /// Pushes text that has no room any more down into further lines.
    pub(super) fn narrow(&mut self, old_cols: usize, cols: usize) {
        // New lines, each after the line that stands at the first number now; from the bottom to the top.
        let mut inserts: Vec<(usize, Vec<Line>)> = Vec::new();
        let mut inserted = 0;
        // Moving the view drops lines from the end, which are nevertheless wrapped anew if their turn comes.
        let mut kept = self.lines.len();
        let mut y = self.lines.len();
        while y > 0 {
            y -= 1;
            if !self.lines[y].wrapped && self.lines[y].trimmed() <= cols {
                continue;
            }
            let end = y + 1;
            while y > 0 && self.lines[y].wrapped {
                y -= 1;
            }
            if self.has_cursor(y, end) {
                continue;
            }
            let new = push_down(&mut self.lines[y..end], old_cols, cols);
            let added = new.len();
            inserted += added;
            kept = self.make_room(added, inserted, kept);
            if added > 0 {
                inserts.push((end, new));
            }
            self.saved = (self.saved + added).min(self.base + self.rows - 1);
        }
        self.lines.truncate(kept);
        self.insert(inserts);
    }

    /// Puts each run of new lines after the line with its number; the first come last.
    fn insert(&mut self, inserts: Vec<(usize, Vec<Line>)>) {
        let mut inserts = inserts.into_iter().rev().peekable();
        for (at, line) in std::mem::take(&mut self.lines).into_iter().enumerate() {
            self.lines.push(line);
            while let Some((_, new)) = inserts.next_if(|(after, _)| *after <= at + 1) {
                self.lines.extend(new);
            }
        }
        self.lines.extend(inserts.flat_map(|(_, new)| new));
        let surplus = self.lines.len().saturating_sub(self.room);
        self.lines.drain(..surplus);
    }

    /// Moves the view for `added` lines, of `inserted` altogether, that come above its end; says how many lines are kept of those
    /// that were there.
    fn make_room(&mut self, added: usize, inserted: usize, mut kept: usize) -> usize {
        let filled = if self.base == 0 && self.y + 1 != kept { self.y } else { kept };
        let trimmed = (filled + added).saturating_sub(self.room);
        for _ in trimmed..added {
            if self.base == 0 && self.y + 1 < self.rows {
                self.y += 1;
                kept = kept.saturating_sub(1);
            } else if self.base == 0 || self.base + self.rows < self.room.min(kept + inserted) {
                self.base += 1;
            }
        }
        kept
    }
}

/// Moves the text of a run of lines together; says how many lines at its end are empty now.
fn pull_up(run: &mut [Line], old_cols: usize, cols: usize) -> usize {
    let (mut to, mut to_x) = (0, length(run, 0, old_cols));
    let (mut from, mut from_x) = (1, 0);
    while from < run.len() {
        let from_length = length(run, from, old_cols);
        let count = (from_length - from_x).min(cols - to_x);
        copy(run, from, from_x, to, to_x, count);
        to_x += count;
        if to_x == cols {
            (to, to_x) = (to + 1, 0);
        }
        from_x += count;
        if from_x == from_length {
            (from, from_x) = (from + 1, 0);
        }
        // A wide character does not stand in the last column.
        if to_x == 0 && to != 0 && run[to - 1].cells[cols - 1].width() == 2 {
            copy(run, to - 1, cols - 1, to, 0, 1);
            to_x = 1;
            run[to - 1].cells[cols - 1] = Cell::default();
        }
    }
    if let Some(line) = run.get_mut(to) {
        erase(&mut line.cells, to_x);
    }
    (1..run.len()).rev().take_while(|at| *at > to || run[*at].trimmed() == 0).count()
}

/// Spreads the text of a run of lines over narrower ones; gives the lines that are needed beyond.
fn push_down(run: &mut [Line], old_cols: usize, cols: usize) -> Vec<Line> {
    let old = run.len();
    let last_length = run[old - 1].trimmed();
    let lengths = new_lengths(run, old_cols, cols);
    let mut all: Vec<Line> = run.iter_mut().map(|line| std::mem::replace(line, Line::blank(0, false))).collect();
    all.extend((old..lengths.len()).map(|_| Line::blank(cols, true)));
    let before = |at: usize| at.checked_sub(1).map(|at| (at, lengths.get(at).copied().unwrap_or(0)));
    let mut dest = before(lengths.len()).and_then(|(at, x)| if x == 0 { before(at) } else { Some((at, x)) });
    let mut source = Some((old - 1, last_length));
    while let (Some((from, from_x)), Some((to, to_x))) = (source, dest) {
        let count = from_x.min(to_x);
        copy(&mut all, from, from_x - count, to, to_x - count, count);
        dest = if to_x == count { before(to) } else { Some((to, to_x - count)) };
        source = if from_x > count {
            Some((from, from_x - count))
        } else {
            from.checked_sub(1).map(|from| (from, length(&all[..old], from, old_cols)))
        };
    }
    for (line, length) in all.iter_mut().zip(&lengths) {
        if *length < cols {
            line.cells[*length] = Cell::default();
        }
    }
    let new = all.split_off(old);
    run.iter_mut().zip(all).for_each(|(line, moved)| *line = moved);
    new
}

/// New length of each line of a run; one less if a wide character does not fit.
fn new_lengths(run: &[Line], old_cols: usize, cols: usize) -> Vec<usize> {
    let needed: usize = (0..run.len()).map(|at| length(run, at, old_cols)).sum();
    let mut lengths = Vec::new();
    let (mut line, mut x, mut done) = (0, 0, 0);
    while done < needed {
        if needed - done < cols {
            lengths.push(needed - done);
            break;
        }
        x += cols;
        let old_length = if line < run.len() { length(run, line, old_cols) } else { 0 };
        if x > old_length {
            x -= old_length;
            line += 1;
        }
        let ends_wide = run.get(line).and_then(|line| line.cells.get(x - 1)).is_some_and(|cell| cell.width() == 2);
        if ends_wide {
            x -= 1;
        }
        let taken = if ends_wide { cols - 1 } else { cols };
        lengths.push(taken);
        done += taken;
    }
    lengths
}

/// The length of a line of a run: all of it, but for the last, and without the column that a wide character left free.
fn length(run: &[Line], at: usize, cols: usize) -> usize {
    let Some(next) = run.get(at + 1) else { return run[at].trimmed() };
    let end = run[at].cells[cols - 1];
    if !end.has_content() && end.width() == 1 && next.cells[0].width() == 2 { cols - 1 } else { cols }
}

fn copy(run: &mut [Line], from: usize, from_x: usize, to: usize, to_x: usize, count: usize) {
    if from == to {
        run[to].cells.copy_within(from_x..from_x + count, to_x);
        return;
    }
    let cells = run[from].cells[from_x..from_x + count].to_vec();
    run[to].cells[to_x..to_x + count].copy_from_slice(&cells);
}

fn erase(cells: &mut [Cell], from: usize) {
    if from > 0 && cells[from - 1].width() == 2 {
        cells[from - 1] = Cell::default();
    }
    cells[from..].fill(Cell::default());
}
