//! Tab stops of one screen. They outlive a narrower terminal, as in xterm.js.

/// Columns between two default stops.
const STEP: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tabs {
    stops: Vec<bool>,
}

impl Tabs {
    pub(crate) fn new(cols: usize) -> Self {
        let mut tabs = Self { stops: Vec::new() };
        tabs.fill(0, cols);
        tabs
    }

    fn fill(&mut self, from: usize, cols: usize) {
        if self.stops.len() < cols {
            self.stops.resize(cols, false);
        }
        (from..cols).step_by(STEP).for_each(|x| self.stops[x] = true);
    }

    /// Sets the number of columns; new columns get stops.
    pub(crate) fn resize(&mut self, cols: usize) {
        let from = if self.is_set(cols) { cols } else { self.before(cols, cols) };
        self.fill(from, cols);
    }

    pub(crate) fn is_set(&self, x: usize) -> bool {
        self.stops.get(x).copied().unwrap_or(false)
    }

    /// Sets a stop, or takes it away. A cursor that is about to wrap is behind the last column, and so is its stop.
    pub(crate) fn set(&mut self, x: usize, stop: bool) {
        if stop && self.stops.len() <= x {
            self.stops.resize(x + 1, false);
        }
        if let Some(slot) = self.stops.get_mut(x) {
            *slot = stop;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.stops.fill(false);
    }

    /// The next stop after `x`, or the last column.
    pub(crate) fn after(&self, x: usize, cols: usize) -> usize {
        (x + 1..cols).find(|x| self.is_set(*x)).unwrap_or(cols - 1)
    }

    /// The stop before `x`, or the first column.
    pub(crate) fn before(&self, x: usize, cols: usize) -> usize {
        (0..x).rev().find(|x| self.is_set(*x)).unwrap_or(0).min(cols - 1)
    }

    pub(crate) fn iter(&self, cols: usize) -> impl Iterator<Item = usize> + '_ {
        (0..cols).filter(|x| self.is_set(*x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops() {
        let mut tabs = Tabs::new(20);
        assert_eq!(tabs.iter(20).collect::<Vec<_>>(), [0, 8, 16]);
        assert_eq!((tabs.after(0, 20), tabs.after(8, 20), tabs.after(16, 20)), (8, 16, 19));
        assert_eq!((tabs.before(19, 20), tabs.before(8, 20), tabs.before(0, 20)), (16, 0, 0));
        tabs.set(3, true);
        tabs.set(8, false);
        assert_eq!(tabs.iter(20).collect::<Vec<_>>(), [0, 3, 16]);
    }

    #[test]
    fn a_wider_terminal_has_more() {
        let mut tabs = Tabs::new(20);
        tabs.resize(40);
        assert_eq!(tabs.iter(40).collect::<Vec<_>>(), [0, 8, 16, 24, 32]);
        tabs.resize(10);
        tabs.resize(40);
        assert_eq!(tabs.iter(40).count(), 5);
        tabs.clear();
        assert_eq!((tabs.iter(40).count(), tabs.after(1, 40)), (0, 39));
    }
}
