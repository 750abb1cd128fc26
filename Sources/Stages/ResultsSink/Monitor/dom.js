// Making and updating elements. Text from outside becomes text nodes and attribute values only, never markup.

const svgNamespace = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @param {string} tag
 * @param {object} attributes `class`, `aria-label`, …; `true` sets an empty attribute, `null` and `false` none;
 *     `on…` with a function is a listener.
 * @param {...(Node|string|number|null)} children strings become text.
 */
export function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
    return filled(document.createElementNS(svgNamespace, tag), attributes, children);
}

function filled(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else setAttribute(node, name, value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
}

/** Writes only what is different, so that nothing is laid out or announced again without a cause. */
export function setAttribute(node, name, value) {
    if (value === null || value === undefined || value === false) {
        if (node.hasAttribute(name)) node.removeAttribute(name);
    } else {
        const text = value === true ? "" : String(value);
        if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
}

/** Writes only what is different. */
export function setText(node, text) {
    const value = text === null || text === undefined ? "" : String(text);
    if (node.textContent !== value) node.textContent = value;
}

const nodesByKey = new WeakMap();

/**
 * Makes the children of `parent` those of `items`, in their order; what is there already is kept, with its focus.
 * @param {(item) => any} keyOf tells items apart.
 * @param {(item) => Element} make
 * @param {(node: Element, item) => void} update called for each item that is another object than the last time.
 */
export function syncList(parent, items, keyOf, make, update = () => {}) {
    const before = nodesByKey.get(parent) ?? new Map();
    const after = new Map(items.map((item) => [keyOf(item), item]));
    const focused = parent.getRootNode().activeElement;
    for (const [key, entry] of before) {
        if (!after.has(key)) entry.node.remove();
    }
    let next = parent.firstElementChild;
    for (const [key, item] of after) {
        const entry = before.get(key) ?? { node: make(item), item: undefined };
        if (entry.item !== item) update(entry.node, item);
        if (entry.node === next) next = next.nextElementSibling;
        else parent.insertBefore(entry.node, next);
        after.set(key, { node: entry.node, item });
    }
    nodesByKey.set(parent, after);
    if (focused && focused.isConnected && parent.contains(focused)) focused.focus({ preventScroll: true });
}

/** The child that `syncList` has made for the item with this key. */
export function listed(parent, key) {
    return nodesByKey.get(parent)?.get(key)?.node;
}

/** Has the next `syncList` make all children again. */
export function clearList(parent) {
    parent.replaceChildren();
    nodesByKey.delete(parent);
}

/**
 * Runs `work` at most once a frame, however often it is asked for.
 * @returns {() => void} asks for it.
 */
export function oncePerFrame(work) {
    let isAsked = false;
    return () => {
        if (isAsked) return;
        isAsked = true;
        requestAnimationFrame(() => {
            isAsked = false;
            work();
        });
    };
}
