#include "viewer/output/gzip_sink.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace trapline::viewer {
namespace {

constexpr int kGzip = 15 + 16;  // the largest window; 16: a gzip header instead of zlib's
constexpr int kMemory = 8;

}  // namespace

struct GzipSink::Deflate {
  z_stream stream{};
  bool ready = false;
  std::array<char, std::size_t{1} << 16> out;
};

GzipSink::GzipSink(TextSink& sink, int level) : sink_(sink), deflate_(std::make_unique<Deflate>()) {
  deflate_->ready =
      deflateInit2(&deflate_->stream, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipSink::~GzipSink() {
  if (deflate_->ready) deflateEnd(&deflate_->stream);
}

Status GzipSink::compress(std::string_view text, int flush) {
  if (!deflate_->ready) return fail("cannot start zlib's compressor: out of memory");
  z_stream& stream = deflate_->stream;
  // zlib takes its input as not const, and does not write to it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(deflate_->out.data());
    stream.avail_out = static_cast<uInt>(deflate_->out.size());
    const int result = deflate(&stream, flush);
    if (result == Z_STREAM_ERROR) return fail("zlib refuses to compress: its state is damaged");
    const std::size_t made = deflate_->out.size() - stream.avail_out;
    if (made > 0) TRAPLINE_TRY(sink_.write({deflate_->out.data(), made}));
    if (stream.avail_out != 0) return {};
  }
}

Status GzipSink::write(std::string_view text) {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  while (!text.empty()) {
    const std::string_view part = text.substr(0, kMost);
    TRAPLINE_TRY(compress(part, Z_NO_FLUSH));
    text.remove_prefix(part.size());
  }
  return {};
}

Status GzipSink::finish() {
  return compress({}, Z_FINISH);
}

}  // namespace trapline::viewer
