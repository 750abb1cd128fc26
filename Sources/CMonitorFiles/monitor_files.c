#include "CMonitorFiles.h"

// The files of Sources/Stages/ResultsSink/Monitor. Embedded as an array in Swift, as SwiftPM does it, 100 KB take the
// compiler about a minute; here they take it a few milliseconds.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../Stages/ResultsSink/Monitor/index.html"
};

static const unsigned char realtime_call_monitor_js[] = {
#embed "../Stages/ResultsSink/Monitor/realtime-call-monitor.js"
};

static const unsigned char call_details_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-details.js"
};

static const unsigned char call_list_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-list.js"
};

static const unsigned char call_model_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-model.js"
};

static const unsigned char call_monitor_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-monitor.js"
};

static const unsigned char call_styles_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-styles.js"
};

static const unsigned char call_view_js[] = {
#embed "../Stages/ResultsSink/Monitor/call-view.js"
};

static const unsigned char charts_js[] = {
#embed "../Stages/ResultsSink/Monitor/charts.js"
};

static const unsigned char client_js[] = {
#embed "../Stages/ResultsSink/Monitor/client.js"
};

static const unsigned char dom_js[] = {
#embed "../Stages/ResultsSink/Monitor/dom.js"
};

static const unsigned char event_stream_js[] = {
#embed "../Stages/ResultsSink/Monitor/event-stream.js"
};

static const unsigned char format_js[] = {
#embed "../Stages/ResultsSink/Monitor/format.js"
};

static const unsigned char monitor_css[] = {
#embed "../Stages/ResultsSink/Monitor/monitor.css"
};

static const unsigned char monitor_js[] = {
#embed "../Stages/ResultsSink/Monitor/monitor.js"
};

static const unsigned char start_form_js[] = {
#embed "../Stages/ResultsSink/Monitor/start-form.js"
};

static const unsigned char statistics_js[] = {
#embed "../Stages/ResultsSink/Monitor/statistics.js"
};

static const unsigned char template_js[] = {
#embed "../Stages/ResultsSink/Monitor/template.js"
};

static const unsigned char theme_js[] = {
#embed "../Stages/ResultsSink/Monitor/theme.js"
};

static const unsigned char transcript_js[] = {
#embed "../Stages/ResultsSink/Monitor/transcript.js"
};

static const unsigned char wall_row_js[] = {
#embed "../Stages/ResultsSink/Monitor/wall-row.js"
};

static const unsigned char wall_js[] = {
#embed "../Stages/ResultsSink/Monitor/wall.js"
};

static const unsigned char openapi_json[] = {
#embed "../Stages/ResultsSink/HTTP/openapi.json"
};

#define FILE(path, content) {path, content, sizeof content}

static const struct monitor_file files[] = {
    FILE("/", index_html),
    FILE("/realtime-call-monitor.js", realtime_call_monitor_js),
    FILE("/monitor/call-details.js", call_details_js),
    FILE("/monitor/call-list.js", call_list_js),
    FILE("/monitor/call-model.js", call_model_js),
    FILE("/monitor/call-monitor.js", call_monitor_js),
    FILE("/monitor/call-styles.js", call_styles_js),
    FILE("/monitor/call-view.js", call_view_js),
    FILE("/monitor/charts.js", charts_js),
    FILE("/monitor/client.js", client_js),
    FILE("/monitor/dom.js", dom_js),
    FILE("/monitor/event-stream.js", event_stream_js),
    FILE("/monitor/format.js", format_js),
    FILE("/monitor/monitor.css", monitor_css),
    FILE("/monitor/monitor.js", monitor_js),
    FILE("/monitor/start-form.js", start_form_js),
    FILE("/monitor/statistics.js", statistics_js),
    FILE("/monitor/template.js", template_js),
    FILE("/monitor/theme.js", theme_js),
    FILE("/monitor/transcript.js", transcript_js),
    FILE("/monitor/wall-row.js", wall_row_js),
    FILE("/monitor/wall.js", wall_js),
};

size_t monitor_file_count(void) { return sizeof files / sizeof files[0]; }

struct monitor_file monitor_file_at(size_t index) { return files[index]; }

struct monitor_file openapi_file(void) {
    return (struct monitor_file) FILE("/api/voice/openapi.json", openapi_json);
}
