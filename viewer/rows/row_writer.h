// Rows of named columns: what formats that are tables, and lists of flat objects, have in common.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace trapline::viewer {

// Between begin_row() and end_row() comes one value for each column of the table, in its order.
class RowWriter {
 public:
  virtual ~RowWriter() = default;

  // `columns` must stay valid until end_table().
  virtual void begin_table(std::string_view name, std::span<const std::string_view> columns) = 0;
  virtual void begin_row() = 0;
  virtual void none() = 0;  // there is no value
  virtual void count(std::uint64_t value) = 0;
  virtual void nanoseconds(std::int64_t value) = 0;  // from the timeline's begin; may be before it
  virtual void address(std::uint64_t value) = 0;     // of anything that is read in hexadecimal
  virtual void text(std::string_view value) = 0;     // any bytes
  virtual void flag(bool value) = 0;
  virtual void words(std::span<const std::string_view> values) = 0;
  virtual void end_row() = 0;
  virtual void end_table() = 0;
  [[nodiscard]] virtual bool failed() const = 0;
};

}  // namespace trapline::viewer
