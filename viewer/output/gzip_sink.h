// Compresses on the way: gzip (RFC 1952), piece by piece.
#pragma once

#include <memory>

#include "viewer/output/text_sink.h"

namespace trapline::viewer {

class GzipSink : public TextSink {
 public:
  // Traces repeat themselves: a higher level costs three times the time for a tenth of the size.
  static constexpr int kFast = 3;
  static constexpr int kSmall = 6;

  explicit GzipSink(TextSink& sink, int level = kFast);
  ~GzipSink() override;

  [[nodiscard]] Status write(std::string_view text) override;
  // What is still in the compressor, and gzip's checksum. Nothing may be written after it.
  [[nodiscard]] Status finish();

 private:
  struct Deflate;
  [[nodiscard]] Status compress(std::string_view text, int flush);

  TextSink& sink_;
  std::unique_ptr<Deflate> deflate_;
};

}  // namespace trapline::viewer
