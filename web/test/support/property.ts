/**
 * fast-check with the same cases on every machine, so that a failure can be repeated. `FAST_CHECK_SEED` selects others.
 */

import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 1) });

export default fc;
