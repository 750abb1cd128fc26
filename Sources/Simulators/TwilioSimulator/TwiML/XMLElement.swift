/// An element of a parsed XML document.
package struct XMLElement: Sendable, Equatable {
    package var name: String
    /// In the order of the document.
    package var attributes: [(name: String, value: String)]
    package var children: [XMLElement]
    /// The character data directly inside, joined.
    package var text: String

    package subscript(attribute name: String) -> String? {
        self.attributes.first { $0.name == name }?.value
    }

    package static func == (left: XMLElement, right: XMLElement) -> Bool {
        left.name == right.name && left.text == right.text && left.children == right.children
            && left.attributes.elementsEqual(right.attributes, by: ==)
    }
}

/// Why a text is not well-formed XML; `offset` counts bytes.
package struct XMLError: Error, Equatable {
    package var reason: String
    package var offset: Int
}
