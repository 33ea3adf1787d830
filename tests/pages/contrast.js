// Contrast of every piece of text with the nearest ground that is painted behind it; WCAG 2.2, 1.4.3.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const over = ([r, g, b, a], under) => [r, g, b].map((each, at) => each * a / 255 + under[at] * (1 - a / 255));
  const light = (colour) => colour.slice(0, 3).map((each) => each / 255).map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4).reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => { const painted = []; for (let each = element; each; each = each.parentElement) painted.unshift(rgba(getComputedStyle(each).backgroundColor)); return painted.reduce((under, each) => over(each, under), [255, 255, 255]); };
  const faint = [];
  for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(".refusal-code, .sr, .crumbs, svg, tr.replaced, option")) continue;
    const behind = ground(element), ink = over(rgba(getComputedStyle(element).color), behind);
    const [high, low] = [light(ink), light(behind)].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return faint;
}
