// Compresses on the way: gzip (RFC 1952), piece by piece.
#pragma once

#include <memory>

#include "viewer/output/text_sink.h"

namespace trapline::viewer {

class GzipSink : public TextSink {
 public:
  explicit GzipSink(TextSink& sink);
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
