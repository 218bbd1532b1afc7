// Elements of the page.

export const $ = (id) => document.getElementById(id);

/** Make an element. Properties are set, children are nodes or text. */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
