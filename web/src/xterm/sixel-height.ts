/**
 * The height of a Sixel image. `crates/vt/src/parser/sixel.rs` counts in the same way, because page and service must
 * leave the same room.
 */

/** Longest image, in characters. Page and service ignore longer ones. */
export const MAX_SIXEL_LENGTH = 8_000_000;
/** Height of a band: each character is six pixels, one below the other. */
const BAND_PIXELS = 6;
/** Bands that are told apart; far more than there is ever room for. */
const MAX_BANDS = 10_000;
/** The tokens that decide the height: raster attributes, the next band, and pixels. */
const TOKENS = /"([\d;]*)|-+|[?-~]+/g;
/** The raster attribute with the height, counted from 0. */
const HEIGHT = 3;

/** In pixels; 0 if there is no image. */
export function sixelHeight(data: string): number {
  if (data.length > MAX_SIXEL_LENGTH) return 0;
  let [band, bands, declared] = [0, 0, 0];
  for (const [token, attributes] of data.matchAll(TOKENS)) {
    if (token.startsWith("-")) band = Math.min(band + token.length, MAX_BANDS);
    else if (attributes === undefined) bands = Math.max(bands, band + 1);
    else if (bands === 0) declared = Math.min(Number(attributes.split(";")[HEIGHT] ?? 0), MAX_BANDS * BAND_PIXELS);
  }
  return declared || bands * BAND_PIXELS;
}
