// The views' markup stands in index.html.

/**
 * A view's elements.
 * @param {string} id of the template.
 * @returns {{node: DocumentFragment, parts: Object<string, HTMLElement>}} `parts` by their `data-part`.
 */
export function fromTemplate(id) {
    const node = document.getElementById(id).content.cloneNode(true);
    const parts = {};
    for (const part of node.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
    return { node, parts };
}
