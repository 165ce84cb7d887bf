// The body of a function that looks at a page as its reader does, and returns what is wrong with it, in words.
const wrong = [];
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width)
  wrong.push(`overflow: the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);

const name = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") || element.id}`;
const channels = (colour) => {
  const found = colour.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
  return found && [1, 2, 3, 4].map((at) => (found[at] === undefined ? 1 : Number(found[at])));
};
const brightness = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// WCAG 2.1, 1.4.3
const contrast = (one, other) => {
  const [light, dark] = [brightness(one), brightness(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour && colour[3] === 1) return colour;
  }
  return [255, 255, 255, 1];
};
const check = (element, colour, least, what) => {
  const seen = channels(colour);
  if (!seen || seen[3] === 0) return;
  const ratio = contrast(seen, behind(element));
  if (ratio < least) wrong.push(`contrast: ${what} of ${name(element)} ${ratio.toFixed(2)} < ${least}`);
};

let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("svg, style") || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  texts += 1;
  check(element, style.color, large ? 3 : 4.5, "text");
  if (size < 12) wrong.push(`small: text of ${name(element)} has ${size} px`);
  if (!element.closest(".skip")) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (box.right > width + 0.5 || box.left < -0.5)
      wrong.push(`overflow: ${name(element)} from ${box.left} to ${box.right}: ${walker.currentNode.data.slice(0, 40)}`);
  }
}
if (texts < 20) wrong.push(`there are only ${texts} texts`);
// WCAG 2.1, 1.4.11: what a picture means must be seen, too.
for (const element of document.querySelectorAll("svg path, svg rect")) {
  const style = getComputedStyle(element);
  if (element.matches(".grid, .hit")) continue;
  if (style.fill !== "none") check(element.closest("svg").parentElement, style.fill, 3, "the colour");
  if (style.stroke !== "none") check(element.closest("svg").parentElement, style.stroke, 3, "the line");
}
for (const element of document.querySelectorAll(".sw"))
  check(element.parentElement, getComputedStyle(element).backgroundColor, 3, "the swatch");
for (const image of document.querySelectorAll("svg"))
  if (!image.getAttribute("aria-label") && image.getAttribute("aria-hidden") !== "true")
    wrong.push(`${name(image)} has no name for those who do not see it`);
for (const link of document.querySelectorAll("a"))
  if (!link.textContent.trim()) wrong.push("a link without words");
const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1]));
if (levels.filter((level) => level === 1).length !== 1) wrong.push("there is not one heading of the first level");
levels.forEach((level, at) => {
  if (at > 0 && level > levels[at - 1] + 1) wrong.push("a level of headings is left out");
});
return wrong;
