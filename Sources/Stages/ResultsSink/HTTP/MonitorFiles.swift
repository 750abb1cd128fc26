import CMonitorFiles
import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// The files of the call monitor, as they were when this program was built. They hold no data, and any page may use them.
enum MonitorFiles {
    struct File: Sendable {
        var path: String
        var contentType: String
        var content: ByteBuffer
        /// Of the content alone, so that every instance says the same.
        var tag: String

        init(_ path: String, _ content: [UInt8]) {
            self.path = path
            self.contentType = MonitorFiles.contentType(of: path)
            self.content = ByteBuffer(bytes: content)
            let digest = SHA256.hash(data: content).prefix(16)
            self.tag = "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
        }
    }

    static let all: [File] = (0..<monitor_file_count()).map { index in
        let file = monitor_file_at(index)
        return File(String(cString: file.path), Array(UnsafeBufferPointer(start: file.content, count: file.count)))
    }

    static var routes: [Route] {
        self.all.map { file in
            Route(method: .get, path: file.path, access: .everybody) { request, _ in self.answer(request, file) }
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
        case "svg": "image/svg+xml"
        default: "text/html; charset=utf-8"
        }
    }
}
