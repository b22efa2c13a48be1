/**
 * Shows the address of a link beside the pointer: the text of a program's link can say anything.
 */

/** Distance from the pointer, and from the edges of the window, in pixels. */
const GAP = 12;

const STYLE =
  "position:fixed;inset:auto;margin:0;z-index:9;width:max-content;max-width:min(640px,90vw);padding:4px 8px;" +
  "border:1px solid var(--tg-line,#888);border-radius:6px;background:var(--tg-bar,#161b22);" +
  "color:var(--tg-strong,#e6edf3);font:12px/1.5 system-ui,sans-serif;white-space:pre-line;overflow-wrap:anywhere;" +
  "max-height:40vh;overflow:hidden;pointer-events:none";

export class LinkTooltip {
  #shown: HTMLElement | undefined;

  constructor(private readonly element: HTMLElement) {}

  show({ clientX, clientY }: MouseEvent, text: string): void {
    this.hide();
    const tooltip = document.createElement("div");
    tooltip.setAttribute("role", "tooltip");
    tooltip.textContent = text;
    tooltip.style.cssText = STYLE;
    // Above all others, and relative to the window: an ancestor may be the frame of fixed elements.
    tooltip.popover = "manual";
    this.element.append(tooltip);
    tooltip.showPopover?.();
    this.#shown = tooltip;
    const { width, height } = tooltip.getBoundingClientRect();
    const above = clientY - GAP - height;
    tooltip.style.left = `${Math.max(GAP, Math.min(clientX, window.innerWidth - width - GAP))}px`;
    tooltip.style.top = `${above >= 0 ? above : clientY + GAP}px`;
  }

  hide(): void {
    this.#shown?.remove();
    this.#shown = undefined;
  }
}
