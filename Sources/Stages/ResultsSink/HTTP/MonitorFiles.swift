import CMonitorFiles
import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import StageRuntime

/// The files of the call monitor, as they were when this program was built. They hold no data, and any page may use them.
enum MonitorFiles {
    struct File: Sendable {
        var path: String
        var contentType: String
        var content: ByteBuffer
        /// Of the content alone, so that every instance says the same.
        var tag: String

        init(_ file: monitor_file) {
            let content = Array(UnsafeBufferPointer(start: file.content, count: file.count))
            self.path = String(cString: file.path)
            self.contentType = MonitorFiles.contentType(of: self.path)
            self.content = ByteBuffer(bytes: content)
            let digest = SHA256.hash(data: content).prefix(16)
            self.tag = "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
        }
    }

    static let all = (0..<monitor_file_count()).map { File(monitor_file_at($0)) }
    private static let folder = "/monitor/"

    static var routes: [Route] {
        let inFolder = self.all.filter { $0.path.hasPrefix(self.folder) }
        let files = Dictionary(uniqueKeysWithValues: inFolder.map { ($0.path, $0) })
        let folder = Route(method: .get, path: self.folder + "{file}", access: .everybody) { request, context in
            guard let file = context.parameters.get("file").flatMap({ files[self.folder + $0] }) else {
                throw Problem(.notFound, "There is no such file.")
            }
            return self.answer(request, file)
        }
        let others = self.all.filter { !$0.path.hasPrefix(self.folder) }.map { self.route(of: $0, access: .everybody) }
        return [folder, self.route(of: File(openapi_file()), access: .tokens)] + others
    }

    private static func route(of file: File, access: Route.Access) -> Route {
        Route(method: .get, path: file.path, access: access) { request, _ in
            var response = self.answer(request, file)
            // Not for any page: for those of allowed origins.
            if access == .tokens { response.headers[.accessControlAllowOrigin] = nil }
            return response
        }
    }

    private static func answer(_ request: Request, _ file: File) -> Response {
        var headers: HTTPFields = [
            .contentType: file.contentType, .cacheControl: "no-cache", .eTag: file.tag,
            .accessControlAllowOrigin: "*",
        ]
        let known = (request.headers[.ifNoneMatch] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
        // A proxy that compresses says that the bytes are not the same, and the content is.
        if known.contains(where: { $0 == "*" || $0 == file.tag || $0 == "W/" + file.tag }) {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: file.content))
    }

    private static func contentType(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "json": "application/json"
        case "svg": "image/svg+xml"
        default: "text/html; charset=utf-8"
        }
    }
}
