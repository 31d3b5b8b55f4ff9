#include "viewer/csv/csv_table.h"

#include <string>

#include "viewer/output/utf8.h"

namespace trapline::viewer {

void CsvTable::begin_table(std::string_view /*name*/, std::span<const std::string_view> columns) {
  begin_row();
  for (const std::string_view column : columns)
    text(column);
  end_row();
}

void CsvTable::count(std::uint64_t value) {
  separate();
  out_.decimal(value);
}

void CsvTable::nanoseconds(std::int64_t value) {
  separate();
  out_.decimal(value);
}

void CsvTable::address(std::uint64_t value) {
  separate();
  out_.hex(value);
}

void CsvTable::flag(bool value) {
  separate();
  out_.put(value ? '1' : '0');
}

void CsvTable::text(std::string_view value) {
  separate();
  const std::string clean = well_formed(value);
  if (clean.find_first_of(",\"\r\n") == std::string::npos) return out_.put(clean);
  out_.put('"');
  for (const char c : clean) {
    if (c == '"') out_.put('"');
    out_.put(c);
  }
  out_.put('"');
}

void CsvTable::words(std::span<const std::string_view> values) {
  separate();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out_.put('+');
    out_.put(values[i]);
  }
}

}  // namespace trapline::viewer
