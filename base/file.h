// Files written by a program that may run as root: created private, never through a symbolic link.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace trapline {

// Opens a folder for use with openat(2); a symbolic link in the last component is refused.
[[nodiscard]] Result<Fd> open_folder(const std::filesystem::path& folder);

// Creates `name` in the folder, mode 0600; it must not exist yet.
[[nodiscard]] Result<Fd> create_private_file(int folder_fd, const std::string& name);

// Writes every byte, through short writes and EINTR.
[[nodiscard]] Status write_all(int fd, std::span<const std::byte> bytes, std::string_view name);

// The whole of a text file that is known to be small (/proc, metadata); more than `limit` bytes is an error.
[[nodiscard]] Result<std::string> read_text_file(const std::filesystem::path& path,
                                                 std::size_t limit = std::size_t{1} << 20);

// A file that comes to be in one step: written under another name beside its own (mode 0600), renamed by
// keep(). Without keep() nothing is left, and a file that was there stays as it was.
class NewFile {
 public:
  [[nodiscard]] static Result<NewFile> create(const std::filesystem::path& path);
  NewFile(NewFile&&) noexcept = default;
  NewFile& operator=(NewFile&&) noexcept = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] Status keep();

 private:
  NewFile(Fd folder, Fd file, std::string temporary, std::filesystem::path path)
      : folder_(std::move(folder)),
        file_(std::move(file)),
        temporary_(std::move(temporary)),
        path_(std::move(path)) {}

  Fd folder_;
  Fd file_;
  std::string temporary_;
  std::filesystem::path path_;
};

}  // namespace trapline
