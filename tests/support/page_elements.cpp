#include "tests/support/page_elements.h"

#include <zlib.h>

#include <array>
#include <stdexcept>

namespace trapline::test {
namespace {

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    group = group << 6 | static_cast<unsigned>(kDigits.find(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  return bytes;
}

std::string gunzip(std::string bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::runtime_error("zlib");
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, 1 << 16> part;
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = part.size();
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(part.data(), part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("not gzip");
  return out;
}

std::string attribute(std::string_view tag, std::string_view name) {
  const std::string begin = std::string(name) + "=\"";
  const auto at = tag.find(begin);
  if (at == std::string_view::npos) return {};
  const auto from = at + begin.size();
  return std::string(tag.substr(from, tag.find('"', from) - from));
}

}  // namespace

PageElements elements_of(std::string_view page) {
  constexpr std::string_view kBegin = "<script type=\"application/";
  PageElements elements;
  for (auto at = page.find(kBegin); at != std::string_view::npos; at = page.find(kBegin, at + 1)) {
    const auto tag_end = page.find('>', at);
    const std::string_view tag = page.substr(at, tag_end - at);
    const std::string_view text = page.substr(tag_end + 1, page.find('<', tag_end) - tag_end - 1);
    const std::string part = attribute(tag, "data-part");
    if (part.empty()) {
      elements.json.emplace_back(attribute(tag, "id"), std::string(text));
    } else {
      (part == "hot" ? elements.hot : elements.cold).push_back(gunzip(from_base64(text)));
    }
  }
  return elements;
}

const std::string& json_of(const PageElements& elements, std::string_view id) {
  static const std::string kNone;
  for (const auto& [name, text] : elements.json) {
    if (name == id) return text;
  }
  return kNone;
}

}  // namespace trapline::test
