// Contrast of the text on a page against what is behind it: WCAG 2.2 §1.4.3.

import type { Page } from "playwright-core";

/** For normal text: level AA. */
const MIN_RATIO = 4.5;

/** What of the visible text, placeholders and marks before text among it, has too little contrast. */
export function paleTexts(page: Page): Promise<string[]> {
  return page.evaluate((minRatio) => {
    const context = document
      .createElement("canvas")
      .getContext("2d", { willReadFrequently: true })!;
    /** Any CSS color, painted on those below it, as 0...255 of red, green, blue. */
    const paint = (...colors: string[]): number[] => {
      for (const color of colors) {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
    };
    // WCAG 2.2, "relative luminance".
    const luminance = (color: number[]): number => {
      const [red, green, blue] = color.map((byte) => {
        const share = byte / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "canvas";
    const canvas = getComputedStyle(probe).backgroundColor;
    probe.remove();
    const backgrounds = (element: Element | null): string[] =>
      element
        ? [...backgrounds(element.parentElement), getComputedStyle(element).backgroundColor]
        : [canvas];
    const ratio = (element: Element, color: string): number => {
      const behind = backgrounds(element);
      const [low, high] = [luminance(paint(...behind)), luminance(paint(...behind, color))].sort(
        (a, b) => a - b,
      );
      return (high + 0.05) / (low + 0.05);
    };
    const hasText = (element: Element): boolean =>
      [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
    return [...document.body.querySelectorAll("*")]
      .filter((element) => element.checkVisibility())
      .flatMap((element) => {
        const colors: [string, string][] = [];
        if (hasText(element) || element.matches("input"))
          colors.push(["", getComputedStyle(element).color]);
        for (const part of ["::before", "::placeholder"]) {
          const style = getComputedStyle(element, part);
          const isThere =
            part === "::before" ? style.content !== "none" : element.matches("[placeholder]");
          if (isThere) colors.push([part, style.color]);
        }
        return colors
          .map(([part, color]) => ({ part, color, is: ratio(element, color) }))
          .filter(({ is }) => is < minRatio)
          .map(
            ({ part, color, is }) =>
              `${element.tagName}${part} "${element.textContent}" ${color} ${is.toFixed(2)}`,
          );
      });
  }, MIN_RATIO);
}
