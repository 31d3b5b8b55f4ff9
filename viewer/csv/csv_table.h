// Rows as CSV (RFC 4180, but with bare line feeds): a line of column names, then a line for each row.
#pragma once

#include "viewer/output/text_buffer.h"
#include "viewer/rows/row_writer.h"

namespace trapline::viewer {

// No value is an empty field; a flag is 0 or 1; words are joined by '+'. What is not UTF-8 becomes U+FFFD.
class CsvTable : public RowWriter {
 public:
  // `sink` must outlive this.
  explicit CsvTable(TextSink& sink) : out_(sink) {}

  void begin_table(std::string_view name, std::span<const std::string_view> columns) override;
  void begin_row() override { first_ = true; }
  void none() override { separate(); }
  void count(std::uint64_t value) override;
  void nanoseconds(std::int64_t value) override;
  void address(std::uint64_t value) override;
  void text(std::string_view value) override;
  void flag(bool value) override;
  void words(std::span<const std::string_view> values) override;
  void end_row() override { out_.put('\n'); }
  void end_table() override {}
  [[nodiscard]] bool failed() const override { return out_.failed(); }

  // Whether all of it was written.
  [[nodiscard]] Status finish() { return out_.finish(); }

 private:
  void separate() {
    if (!first_) out_.put(',');
    first_ = false;
  }

  TextBuffer out_;
  bool first_ = true;
};

}  // namespace trapline::viewer
