/**
 * xterm.js on a page whose Content-Security-Policy allows styles only with a nonce, which it does not know: it makes
 * `<style>` elements, and `style` attributes for the colours of its cells.
 */

/** Terminals that are open on such a page. */
let open = 0;

/** A document whose `<style>` elements have the nonce, for the option `documentOverride`. */
export function documentWithNonce(document: Document, nonce: string): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return (name: string) => create(target, name, nonce);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value),
  });
}

/**
 * Runs `show`, of which some parts use the global document. From then on until the returned function is called, the
 * `style` attribute of a new `<span>` is set through the object model, which every policy allows.
 */
export function withNonce(document: Document, nonce: string, show: () => void): () => void {
  replaceCreate(document, (name, options) => create(document, name, nonce, options));
  try {
    show();
  } finally {
    open += 1;
    replaceCreate(document, (name, options) => create(document, name, undefined, options));
  }
  return () => {
    open -= 1;
    if (open === 0) Reflect.deleteProperty(document, "createElement");
  };
}

/** True if the policy blocked the styles of an open terminal, or the page lacks the style sheet of xterm.js. */
export function isUnstyled(terminal: HTMLElement): boolean {
  const blocked = [...terminal.querySelectorAll("style")].some((style) => style.sheet === null);
  const helpers = terminal.querySelector(".xterm-helpers");
  return blocked || (helpers !== null && getComputedStyle(helpers).position !== "absolute");
}

function create(document: Document, name: string, nonce: string | undefined, options?: ElementCreationOptions) {
  const element = Document.prototype.createElement.call(document, name, options);
  if (nonce !== undefined && element instanceof HTMLStyleElement) element.nonce = nonce;
  if (!(element instanceof HTMLSpanElement)) return element;
  element.setAttribute = (attribute: string, value: string) => {
    if (attribute === "style") element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, attribute, value);
  };
  return element;
}

function replaceCreate(document: Document, make: (name: string, options?: ElementCreationOptions) => HTMLElement) {
  document.createElement = make as typeof document.createElement;
}
