/**
 * The player of recordings: apart from the terminal, whose pages need not load it.
 */

export { TermgatePlayer, type TermgatePlayerProps } from "./view/player/termgate-player.tsx";
