#include "viewer/web/embedded.h"

#include "viewer/output/gzip_sink.h"
#include "viewer/output/string_sink.h"
#include "viewer/web/base64.h"

namespace trapline::viewer {

std::string script_safe(const nlohmann::json& document) {
  constexpr bool kAscii = true;
  const std::string text = document.dump(-1, ' ', kAscii, nlohmann::json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

void embed_json(std::string_view id, const nlohmann::json& document, TextBuffer& out) {
  out.put(R"(<script type="application/json" id=")");
  out.put(id);
  out.put("\">");
  out.put(script_safe(document));
  out.put("</script>\n");
}

Status embed_bytes(unsigned timeline, std::string_view part, std::string_view bytes, TextBuffer& out) {
  StringSink compressed;
  GzipSink gzip(compressed, GzipSink::kSmall);
  TRAPLINE_TRY(gzip.write(bytes));
  TRAPLINE_TRY(gzip.finish());
  out.put(R"(<script type="application/octet-stream" data-timeline=")");
  out.decimal(timeline);
  out.put(R"(" data-part=")");
  out.put(part);
  out.put("\">");
  out.put(base64(compressed.text));
  out.put("</script>\n");
  return {};
}

}  // namespace trapline::viewer
