// A stream of dated records that is read ahead by one.
#pragma once

#include <functional>
#include <utility>

namespace trapline::tracer {

template <typename T>
class Feed {
 public:
  // Fills in the next one; false: there are no more.
  using Source = std::function<bool(T&)>;

  Feed() = default;  // empty
  explicit Feed(Source source) : source_(std::move(source)) {}

  // The next one, null at the end; valid until pop().
  [[nodiscard]] const T* peek() {
    if (!filled_ && source_ && !(filled_ = source_(next_))) source_ = nullptr;
    return filled_ ? &next_ : nullptr;
  }
  void pop() { filled_ = false; }

 private:
  Source source_;
  T next_{};
  bool filled_ = false;
};

}  // namespace trapline::tracer
