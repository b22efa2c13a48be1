//! The numbers of a control sequence, `1;4:3`, kept within the same bounds as xterm.js keeps them: 32 parameters, 32 parameters
//! of parameters, each at most a 32-bit integer. Further ones are read and dropped.

/// Parameters, and parameters of parameters, at most.
const MAX_PARAMS: usize = 32;

/// Numbers of a sequence. One that is left out is 0; in a parameter of a parameter it is -1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    values: [i32; MAX_PARAMS],
    len: usize,
    subs: [i32; MAX_PARAMS],
    subs_len: usize,
    /// Range of each parameter's subparameters in `subs`.
    ranges: [(u8, u8); MAX_PARAMS],
    in_sub: bool,
    full: bool,
    subs_full: bool,
}

impl Params {
    /// None yet: reads as one 0.
    pub(crate) fn new() -> Self {
        let mut params = Self::default();
        params.clear();
        params
    }

    pub(crate) fn clear(&mut self) {
        (self.len, self.subs_len) = (0, 0);
        (self.full, self.subs_full) = (false, false);
        self.next();
    }

    /// A digit, `;` or `:`.
    pub(crate) fn push(&mut self, byte: u8) {
        match byte {
            b';' => self.next(),
            b':' => self.next_sub(),
            _ => self.digit(i32::from(byte - b'0')),
        }
    }

    fn next(&mut self) {
        self.in_sub = false;
        if self.len == MAX_PARAMS {
            self.full = true;
            return;
        }
        self.values[self.len] = 0;
        self.ranges[self.len] = (self.subs_len as u8, self.subs_len as u8);
        self.len += 1;
    }

    fn next_sub(&mut self) {
        self.in_sub = true;
        if self.full || self.subs_len == MAX_PARAMS {
            self.subs_full = true;
            return;
        }
        self.subs[self.subs_len] = -1;
        self.subs_len += 1;
        self.ranges[self.len - 1].1 += 1;
    }

    fn digit(&mut self, digit: i32) {
        if self.full || (self.in_sub && (self.subs_full || self.subs_len == 0)) {
            return;
        }
        let value = if self.in_sub { &mut self.subs[self.subs_len - 1] } else { &mut self.values[self.len - 1] };
        *value = if *value < 0 { digit } else { value.saturating_mul(10).saturating_add(digit) };
    }

    /// Number of parameters, at least 1.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The parameter at `at`; 0 where there is none.
    pub(crate) fn get(&self, at: usize) -> i32 {
        if at < self.len { self.values[at] } else { 0 }
    }

    /// The parameter at `at` as a count: at least 1.
    pub(crate) fn count(&self, at: usize) -> usize {
        usize::try_from(self.get(at)).unwrap_or(0).max(1)
    }

    /// The parameters of the parameter at `at`.
    pub(crate) fn subs(&self, at: usize) -> &[i32] {
        if at >= self.len {
            return &[];
        }
        let (from, to) = self.ranges[at];
        &self.subs[usize::from(from)..usize::from(to)]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = i32> + '_ {
        self.values[..self.len].iter().copied()
    }

    /// Writes them as a program would.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for at in 0..self.len {
            if at > 0 {
                out.push(b';');
            }
            out.extend(self.get(at).to_string().bytes());
            for sub in self.subs(at) {
                out.push(b':');
                if *sub >= 0 {
                    out.extend(sub.to_string().bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        let mut params = Params::new();
        text.bytes().for_each(|byte| params.push(byte));
        params
    }

    #[test]
    fn read_and_written() {
        for text in ["0", "1;2;3", "38:2::1:2:3;4:3", "0;0;7"] {
            let mut out = Vec::new();
            params(text).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(params("").iter().collect::<Vec<_>>(), [0]);
        assert_eq!(params(";5").iter().collect::<Vec<_>>(), [0, 5]);
        assert_eq!(params("4:3").subs(0), [3]);
        assert_eq!(params("0").count(0), 1);
        assert_eq!(params("7").count(3), 1);
    }

    #[test]
    fn bounded() {
        assert_eq!(params("99999999999999999999").get(0), i32::MAX);
        let many = params(&"1;".repeat(100));
        assert_eq!((many.len(), many.get(31)), (32, 1));
        let mut late = params(&"1;".repeat(100));
        "7:8:9".bytes().for_each(|byte| late.push(byte));
        assert_eq!((late.get(31), late.subs(31)), (1, &[][..]), "what is beyond changes nothing");
        assert_eq!(params(&format!("4{}", ":1".repeat(100))).subs(0).len(), 32);
    }
}
