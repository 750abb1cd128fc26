#include "CMonitorFiles.h"

// The files of Sources/Stages/ResultsSink/Monitor. Embedded as an array in Swift, as SwiftPM does it, 100 KB take the
// compiler about a minute; here they take it a few milliseconds.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../Stages/ResultsSink/Monitor/index.html"
};

#define FILE(path, content) {path, content, sizeof content}

static const struct monitor_file files[] = {
    FILE("/", index_html),
};

size_t monitor_file_count(void) { return sizeof files / sizeof files[0]; }

struct monitor_file monitor_file_at(size_t index) { return files[index]; }
