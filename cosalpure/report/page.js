// Everything from outside is put in as text, never as markup.
const page = JSON.parse(document.getElementById("page-data").textContent);
const find = (id) => document.getElementById(id);
const make = (tag, text, attributes = {}) => {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

document.querySelectorAll("table.sortable").forEach(sortable);

// --- tabs: one panel at a time, moved by arrow keys as well (the pattern "tabs" of the ARIA authoring practices)
const tabbed = (box) => {
  const panels = [...box.children];
  if (panels.length < 2) return;
  const list = make("div", null, { role: "tablist", class: "tabs", "aria-label": box.dataset.label });
  const select = (chosen) => panels.forEach((panel, index) => {
    panel.hidden = index !== chosen;
    list.children[index].setAttribute("aria-selected", index === chosen);
    list.children[index].tabIndex = index === chosen ? 0 : -1;
  });
  for (const [index, panel] of panels.entries()) {
    const tab = make("button", panel.dataset.name, { type: "button", role: "tab", id: `${panel.id}-tab`, "aria-controls": panel.id });
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.querySelector("h4").hidden = true;
    tab.addEventListener("click", () => select(index));
    tab.addEventListener("keydown", (event) => {
      const last = panels.length - 1;
      const next = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      select(next);
      list.children[next].focus();
    });
    list.append(tab);
  }
  box.prepend(list);
  select(0);
};
document.querySelectorAll(".tabbed").forEach(tabbed);

// --- first screen: one condition at a time
const summaries = [...document.querySelectorAll(".summary")];
const summarise = () => summaries.forEach((one, index) => { one.hidden = index !== Number(find("summary").value); });
if (summaries.length > 1) {
  document.querySelector(".chooser").hidden = false;
  summaries.forEach((one) => { one.querySelector("h3").hidden = true; });
  find("summary").addEventListener("change", summarise);
  summarise();
}

// --- explorer: one condition, split and metric at a time, methods by detectors
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const explore = () => {
  const block = page.explorer.blocks[find("explorer-block").value];
  const [split, metric] = [chosen("split"), chosen("metric")];
  const cells = block.cells.filter((cell) => cell.split === split && cell.metric === metric);
  const detectors = [...new Set(cells.map((cell) => cell.detector))];
  const table = make("table", null, { class: "sortable" });
  const header = table.createTHead().insertRow();
  for (const name of ["Method", ...detectors]) header.append(make("th", name, { scope: "col" }));
  const body = table.createTBody();
  for (const method of new Set(cells.map((cell) => cell.method))) {
    const row = body.insertRow();
    row.append(make("td", method));
    for (const detector of detectors) {
      const cell = cells.find((one) => one.method === method && one.detector === detector);
      const [mean, ...more] = cell ? cell.text.split(/ (?=[[(±]|\d+ of )/) : ["–"];
      const node = make("td", mean, { "data-value": cell && cell.value !== null ? cell.value : "" });
      for (const text of more) node.append(" ", make("small", text));
      row.append(node);
    }
  }
  sortable(table);
  find("explorer-table").replaceChildren(table);
  find("explorer-about").textContent = page.explorer.metrics[metric];
};
if (page.explorer.blocks.length) {
  page.explorer.blocks.forEach((block, index) => find("explorer-block").append(make("option", block.name, { value: index })));
  find("explorer").addEventListener("change", explore);
  explore();
}

// --- gallery: condition -> group -> image
const state = { group: 0, image: 0 };
const show = (image, key) => {
  image.hidden = !key;
  if (key) image.src = page.gallery.pictures[key];
};
const options = (select, names, first) => {
  const before = select.value;
  select.replaceChildren(...Object.entries(names).map(([value, text]) => make("option", text, { value })));
  select.value = before in names ? before : first;
};
const block = () => page.gallery.blocks[find("gallery-block").value];
const layers = (key, outline, alt) => {
  const box = make("span", null, { class: "layers" });
  for (const [one, text] of [[key, alt], [find("outlined").checked ? outline : null, ""]]) {
    if (one && key) box.append(make("img", null, { alt: text, src: page.gallery.pictures[one] }));
  }
  return box;
};
const score = (iou) => iou === null ? "no score" : `IoU ${iou.toFixed(2)}`;
const change = (before, after) => {
  const difference = Math.round(100 * after) - Math.round(100 * before);
  const sign = difference > 0 ? "+" : difference < 0 ? "−" : "±";
  const kind = difference > 0 ? "gain" : difference < 0 ? "loss" : "same";
  return make("span", ` ${sign}${(Math.abs(difference) / 100).toFixed(2)}`, { class: kind });
};
const chooseBlock = () => {
  const names = Object.keys(block().purifiers);
  options(find("gallery-purifier"), block().purifiers, names[names.length - 1]);
  options(find("gallery-detector"), block().detectors, Object.keys(block().detectors)[0]);
  const places = block().groups.map((group) => group.place);
  [state.group, state.image] = [Math.max(places.indexOf("median"), 0), 0];
  drawGroups();
};
const drawGroups = () => {
  const tabs = block().groups.map((group, index) => {
    const tab = make("button", `${group.place}: ${group.name}`, { type: "button", "aria-pressed": index === state.group });
    tab.addEventListener("click", () => { [state.group, state.image] = [index, 0]; drawGroups(); find("groups").children[index].focus(); });
    return tab;
  });
  find("groups").replaceChildren(...tabs);
  drawImages();
};
const drawImages = () => {
  const group = block().groups[state.group];
  if (!group) { find("images").replaceChildren(); return; }
  const [purifier, detector] = [find("gallery-purifier").value, find("gallery-detector").value];
  const earlier = block().reference === purifier ? null : block().reference;
  find("gallery-about").textContent = `Each image${earlier ? ", its map before, and its map after purification, with the change of IoU" : " and its map"}. Choose one to see it large.`;
  find("images").replaceChildren(...group.images.map((image, index) => drawTile(image, index, earlier, purifier, detector)));
  drawDetail(group.images[state.image], earlier, purifier, detector);
};
const drawTile = (image, index, earlier, purifier, detector) => {
  const kind = image.attacked ? block().attack : "clean";
  const tile = make("button", null, { type: "button", class: kind, "aria-pressed": index === state.image, "aria-label": `${image.file}, ${kind}` });
  const [before, iouBefore] = earlier ? image.maps[earlier][detector] : [null, null];
  const [after, iou] = image.maps[purifier][detector];
  const cell = (key, alt, text) => {
    const box = make("span", null, { class: "cell" });
    box.append(layers(key, image.outline, alt), make("span", text));
    tile.append(box);
    return box.lastChild;
  };
  cell(image.before, image.file, kind);
  if (earlier) cell(before, `map of ${image.file} before purification`, score(iouBefore));
  const last = cell(after, `map of ${image.file}`, score(iou));
  if (iouBefore !== null && iou !== null) last.append(change(iouBefore, iou));
  tile.addEventListener("click", () => {
    state.image = index;
    drawImages();
    find("images").children[index].focus({ preventScroll: true });
    if (find("stack").getBoundingClientRect().top > innerHeight) find("image-name").scrollIntoView(); // on a phone it is far below
  });
  return tile;
};
const drawDetail = (image, earlier, purifier, detector) => {
  const [map, iou] = image.maps[purifier][detector];
  const keys = { original: image.original, truth: image.truth, earlier: earlier && image.maps[earlier][detector][0], map };
  for (const [id, key] of Object.entries(keys)) {
    show(find(`show-${id}`), key);
    find(`show-${id}`).closest("figure").hidden = !key;
  }
  show(find("show-before"), image.before);
  show(find("show-after"), image.after[purifier]);
  show(document.querySelector("#stack .outline"), find("outlined").checked ? image.outline : null);
  find("image-name").textContent = `${image.file}, ${image.attacked ? block().attack : "clean"}; ${iou === null ? "no score" : `IoU ${iou.toFixed(3)}`}`;
};
const slide = () => { find("show-after").style.clipPath = `inset(0 0 0 ${find("slider").value}%)`; };
if (page.gallery.blocks.length) {
  options(find("gallery-block"), Object.fromEntries(page.gallery.blocks.map((one, index) => [index, one.name])), "0");
  find("gallery-block").addEventListener("change", chooseBlock);
  for (const id of ["gallery-purifier", "gallery-detector", "outlined"]) find(id).addEventListener("change", drawImages);
  find("slider").addEventListener("input", slide);
  chooseBlock();
  slide();
}
