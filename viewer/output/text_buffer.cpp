#include "viewer/output/text_buffer.h"

namespace trapline::viewer {

void TextBuffer::flush() {
  if (status_ && at_ != begin_.get())
    status_ = sink_.write({begin_.get(), static_cast<std::size_t>(at_ - begin_.get())});
  at_ = begin_.get();
}

void TextBuffer::put_after_flush(std::string_view text) {
  flush();
  if (text.size() <= kSize) return put(text);
  if (status_) status_ = sink_.write(text);
}

}  // namespace trapline::viewer
