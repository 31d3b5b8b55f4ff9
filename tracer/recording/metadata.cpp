#include "tracer/recording/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>

#include "tracer/recording/packet.h"
#include "tracer/recording/schema.h"

namespace trapline::recording {
namespace {

constexpr std::string_view kSignature = "/* CTF 1.8 */";

// Every integer is aligned to a byte: the records' own bytes, whose fields are naturally aligned, are the
// events.
constexpr std::string_view kTypes = R"(
typealias integer { size = 8; align = 8; signed = false; } := uint8;
typealias integer { size = 16; align = 8; signed = false; } := uint16;
typealias integer { size = 32; align = 8; signed = false; } := uint32;
typealias integer { size = 64; align = 8; signed = false; } := uint64;
typealias integer { size = 64; align = 8; signed = true; } := int64;
typealias integer { size = 16; align = 8; signed = false; base = 16; } := hex16;
typealias integer { size = 32; align = 8; signed = false; base = 16; } := hex32;
typealias integer { size = 64; align = 8; signed = false; base = 16; } := hex64;
)";

constexpr std::string_view kClock = R"(
clock {
	name = "monotonic";
	description = "CLOCK_MONOTONIC of the host, in nanoseconds";
	freq = 1000000000;
	offset = 0;
};
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := clock_ns;
)";

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", uuid[i]);
  }
  return text;
}

std::optional<Uuid> uuid_of(std::string_view text) {
  Uuid uuid{};
  if (text.size() != 36) return std::nullopt;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10)) {
      if (text.front() != '-') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto parsed = std::from_chars(text.data(), text.data() + 2, uuid[i], 16);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + 2) return std::nullopt;
    text.remove_prefix(2);
  }
  return uuid;
}

std::string_view type_name(const FieldRow& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "string";
    case FieldKind::signed_decimal:
      return "int64";
    case FieldKind::hex:
      return field.size == 2 ? "hex16" : field.size == 4 ? "hex32" : "hex64";
    case FieldKind::decimal:
      break;
  }
  return field.size == 2 ? "uint16" : field.size == 4 ? "uint32" : "uint64";
}

void add_streams(std::string& text) {
  auto out = std::back_inserter(text);
  for (const StreamClassRow& stream : stream_classes()) {
    fmt::format_to(out,
                   "\nstream {{ /* {} */\n"
                   "\tid = {};\n"
                   "\tpacket.context := struct {{\n"
                   "\t\tclock_ns timestamp_begin;\n"
                   "\t\tclock_ns timestamp_end;\n"
                   "\t\tuint64 content_size;\n"
                   "\t\tuint64 packet_size;\n"
                   "\t\tuint64 events_discarded;\n"
                   "\t\tuint64 packet_seq_num;\n"
                   "\t\tuint64 {};\n"
                   "\t}};\n"
                   "\tevent.header := struct {{ clock_ns timestamp; uint16 id; }};\n"
                   "\tevent.context := struct {{ uint16 vcpu; uint32 tid; }};\n"
                   "}};\n",
                   stream.name, static_cast<int>(stream.id), stream.instance_field);
  }
}

void add_events(std::string& text) {
  auto out = std::back_inserter(text);
  for (const EventRow& event : event_classes()) {
    fmt::format_to(out,
                   "\nevent {{\n\tid = {};\n\tname = \"{}\";\n\tstream_id = {};\n\tfields := struct {{\n",
                   event.id, event.name, static_cast<int>(event.stream));
    for (const FieldRow& field : event.fields)
      fmt::format_to(out, "\t\t{} {};\n", type_name(field), field.name);
    text += "\t};\n};\n";
  }
}

// ---- Reading back
// ----------------------------------------------------------------------------------------------

struct Escape {
  char letter;
  char value;
};
constexpr Escape kEscapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'},  {'a', '\a'},  {'b', '\b'}, {'f', '\f'},
                               {'v', '\v'}, {'"', '"'},  {'\\', '\\'}, {'\'', '\''}, {'?', '?'}};

// Takes one escape sequence, the backslash already gone, off the front of `text`.
std::optional<char> take_escape(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  for (const Escape& escape : kEscapes) {
    if (text.front() != escape.letter) continue;
    text.remove_prefix(1);
    return escape.value;
  }
  std::size_t digits = 0;
  unsigned value = 0;
  while (digits < 3 && digits < text.size() && text[digits] >= '0' && text[digits] <= '7') {
    value = value * 8 + static_cast<unsigned>(text[digits++] - '0');
  }
  if (digits == 0 || value > 0xff) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<char>(value);
}

// The value of a literal that makes up the whole of `literal`.
std::optional<std::string> text_of_literal(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return std::nullopt;
  literal = literal.substr(1, literal.size() - 2);
  std::string text;
  while (!literal.empty()) {
    const char c = literal.front();
    literal.remove_prefix(1);
    if (c == '"') return std::nullopt;
    if (c != '\\') {
      text += c;
      continue;
    }
    const auto escaped = take_escape(literal);
    if (!escaped) return std::nullopt;
    text += *escaped;
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The lines `key = value;` of the block that begins with the line `<name> {`, as they stand. The writer puts
// one item on a line and no raw line break into a string, so lines are enough.
std::optional<std::map<std::string_view, std::string_view>> block(std::string_view text,
                                                                  std::string_view name) {
  std::map<std::string_view, std::string_view> items;
  bool inside = false;
  while (!text.empty()) {
    const std::string_view line = trimmed(text.substr(0, text.find('\n')));
    text.remove_prefix(
        std::min(text.size(), text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1));
    if (!inside) {
      inside = line.size() == name.size() + 2 && line.starts_with(name) && line.ends_with(" {");
      continue;
    }
    if (line == "};") return items;
    const std::size_t equals = line.find(" = ");
    if (equals == std::string_view::npos || !line.ends_with(';')) continue;
    items.emplace(trimmed(line.substr(0, equals)),
                  trimmed(line.substr(equals + 3, line.size() - equals - 4)));
  }
  return std::nullopt;
}

// Reads the items of the env block, which lies in `whole`; keeps the first thing that is wrong.
class EnvReader {
 public:
  EnvReader(const std::map<std::string_view, std::string_view>& items, std::string_view whole,
            std::string_view file)
      : items_(items), whole_(whole), file_(file) {}

  void text(std::string_view key, std::string& value) {
    const auto item = items_.find(key);
    if (item == items_.end()) return;
    if (auto read = text_of_literal(item->second)) {
      value = std::move(*read);
    } else {
      complain(key);
    }
  }

  void number(std::string_view key, std::uint64_t& value) {
    const auto item = items_.find(key);
    if (item == items_.end()) return;
    const std::string_view digits = item->second;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) complain(key);
  }

  template <typename Value>
  void name(std::string_view key, Value& value, std::optional<Value> (*value_of)(std::string_view)) {
    std::string read;
    text(key, read);
    if (!items_.contains(key)) return;
    if (const auto known = value_of(read)) {
      value = *known;
    } else {
      complain(key);
    }
  }

  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void complain(std::string_view key) {
    if (!status_) return;
    const auto at = static_cast<std::uint64_t>(items_.at(key).data() - whole_.data());
    status_ = damaged_at(file_, at, fmt::format("the value of \"{}\" in the env block is damaged", key));
  }

  const std::map<std::string_view, std::string_view>& items_;
  std::string_view whole_;
  std::string_view file_;
  Status status_;
};

// Whether these are the first bytes of what make_metadata writes, as far as they go.
bool begins_as_ours(std::string_view text) {
  const std::string beginning = fmt::format("{}\n{}", kSignature, kTypes);
  const std::size_t common = std::min(text.size(), beginning.size());
  return text.substr(0, common) == std::string_view(beginning).substr(0, common);
}

// The writer declares events in the order of the table, so the last one tells that nothing is missing.
bool comes_to_its_end(std::string_view text) {
  return text.ends_with("\n};\n") &&
         text.find(fmt::format("\tname = \"{}\";\n", event_classes().back().name)) != std::string_view::npos;
}

tl::unexpected<Error> cut_at(std::string_view text, std::string_view name) {
  return damaged_at(name, text.size(), "the metadata was cut here, before its end");
}

tl::unexpected<Error> not_ours(std::string_view text, std::string_view name) {
  if (!text.empty() && begins_as_ours(text) && !comes_to_its_end(text)) return cut_at(text, name);
  // Packetized metadata, as LTTng writes it, begins with this number instead (CTF 1.8.3, section 7.1).
  const bool is_ctf = text.starts_with("/* CTF") || text.starts_with("\x57\x1d\xd1\x75") ||
                      text.starts_with("\x75\xd1\x1d\x57");
  return fail(is_ctf ? fmt::format("{} describes a CTF trace, but not one that trapline made", name)
                     : fmt::format("{}: byte 0: this is not the metadata of a recording", name),
              is_ctf ? "babeltrace2 or Trace Compass can read it" : "");
}

Result<int> version_of(const std::map<std::string_view, std::string_view>& env, std::string_view name) {
  const std::string_view version = env.at("trapline_format");
  for (int known = kOldestFormatVersion; known <= kFormatVersion; ++known) {
    if (version == fmt::format("{}", known)) return known;
  }
  return fail(fmt::format("{} is a recording of format {}, and this trapline reads formats {} to {}", name,
                          tsdl_literal(version), kOldestFormatVersion, kFormatVersion),
              "read it with the trapline version that made it");
}

}  // namespace

std::string tsdl_literal(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  std::string literal = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      literal += '\\';
      literal += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      literal += c;
    } else {
      // Always three digits, so that a digit after it is not taken into it.
      fmt::format_to(std::back_inserter(literal), "\\{:03o}", byte);
    }
  }
  return literal += '"';
}

std::string make_metadata(const RecordingInfo& info, const Uuid& uuid) {
  std::string text(kSignature);
  text += '\n';
  text += kTypes;
  auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "\ntrace {{\n"
                 "\tmajor = 1;\n"
                 "\tminor = 8;\n"
                 "\tuuid = \"{}\";\n"
                 "\tbyte_order = le;\n"
                 "\tpacket.header := struct {{\n"
                 "\t\tuint32 magic;\n"
                 "\t\tuint8 uuid[16];\n"
                 "\t\tuint32 stream_id;\n"
                 "\t\tuint64 stream_instance_id;\n"
                 "\t}};\n"
                 "}};\n",
                 uuid_text(uuid));
  fmt::format_to(out, "\nenv {{\n\ttrapline_format = {};\n", kFormatVersion);
  const auto item = [&](std::string_view key, std::string_view value) {
    fmt::format_to(out, "\t{} = {};\n", key, tsdl_literal(value));
  };
  item("tracer_name", "trapline");
  item("trapline_version", info.trapline_version);
  item("hostname", info.hostname);
  item("kernel_release", info.kernel_release);
  item("cpu_model", info.cpu_model);
  item("time_kind", time_kind_name(info.time_kind));
  item("isa", isa_name(info.isa));
  item("apicv", apicv_name(info.apicv));
  fmt::format_to(out, "\ttsc_khz = {};\n\tstarted_unix_ns = {};\n", info.tsc_khz, info.started_unix_ns);
  item("mode", info.mode);
  item("filter", info.filter);
  item("path", info.path);
  item("command_line", info.command_line);
  text += "};\n";
  text += kClock;
  add_streams(text);
  add_events(text);
  return text;
}

bool is_our_metadata(std::string_view text) {
  if (!text.starts_with(kSignature)) return false;
  const auto env = block(text, "env");
  return env && env->contains("trapline_format");
}

Result<Metadata> parse_metadata(std::string_view text, std::string_view name) {
  if (!is_our_metadata(text)) return not_ours(text, name);
  const auto env = *block(text, "env");
  TRAPLINE_ASSIGN(format, version_of(env, name));
  if (!comes_to_its_end(text)) return cut_at(text, name);

  Metadata metadata;
  metadata.format = format;
  const auto trace = block(text, "trace");
  const auto uuid = trace && trace->contains("uuid") ? text_of_literal(trace->at("uuid")) : std::nullopt;
  const auto parsed_uuid = uuid ? uuid_of(*uuid) : std::nullopt;
  if (!parsed_uuid) {
    const auto at = uuid ? static_cast<std::uint64_t>(trace->at("uuid").data() - text.data()) : 0;
    return damaged_at(name, at, "the trace's uuid is missing or damaged");
  }
  metadata.uuid = *parsed_uuid;

  EnvReader reader(env, text, name);
  RecordingInfo& info = metadata.info;
  reader.text("trapline_version", info.trapline_version);
  reader.text("hostname", info.hostname);
  reader.text("kernel_release", info.kernel_release);
  reader.text("cpu_model", info.cpu_model);
  reader.name<TimeKind>("time_kind", info.time_kind, time_kind_of);
  reader.name<Isa>("isa", info.isa, isa_of);
  reader.name<Apicv>("apicv", info.apicv, apicv_of);
  reader.number("tsc_khz", info.tsc_khz);
  reader.number("started_unix_ns", info.started_unix_ns);
  reader.text("mode", info.mode);
  reader.text("filter", info.filter);
  reader.text("path", info.path);
  reader.text("command_line", info.command_line);
  TRAPLINE_TRY(reader.status());
  return metadata;
}

}  // namespace trapline::recording
