#include "viewer/json/json_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "viewer/output/utf8.h"

namespace trapline::viewer {
namespace {

// ASCII that needs no escape: nearly all that is written.
constexpr bool stays_as_it_is(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else if (length = utf8_sequence(text); length != 0) {
      out += text.substr(0, length);
    } else {
      out += "\xef\xbf\xbd";
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace

std::string json_quoted(std::string_view text) {
  std::string quoted;
  append_quoted(quoted, text);
  return quoted;
}

void JsonStream::key(std::string_view name) {
  rendered_key(json_quoted(name));
}

void JsonStream::string(std::string_view text) {
  if (!std::ranges::all_of(text, stays_as_it_is)) return rendered(json_quoted(text));
  before_value();
  out_.put('"');
  out_.put(text);
  out_.put('"');
}

}  // namespace trapline::viewer
