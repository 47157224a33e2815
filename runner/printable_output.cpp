#include <printable_output.hpp>

#include <cerrno>
#include <iostream>
#include <streambuf>
#include <string>

#include <base/printable.hpp>

namespace simmer {

// Stands before a stream's own buffer, and takes its place again at the end.
class PrintableOutput::Filter : public std::streambuf {
 public:
  explicit Filter(std::ostream& stream) : stream_(stream), to_(stream.rdbuf(this)) {}
  ~Filter() override {
    sync();
    stream_.rdbuf(to_);
  }

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    waiting_.append(text, static_cast<std::size_t>(size));
    return pass_on(waiting_.size() - half_character()) ? size : 0;
  }
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }
  int sync() override { return pass_on(waiting_.size()) && noted(to_->pubsync() == 0) ? 0 : -1; }

 public:
  int failure() const { return failure_; }

 private:
  bool noted(bool written) {
    if (!written && failure_ == 0) failure_ = errno != 0 ? errno : EIO;
    return written;
  }

  // How much of the end is a character whose rest may still come.
  std::size_t half_character() const {
    for (std::size_t back = 1; back <= 3 && back <= waiting_.size(); ++back) {
      const auto byte = static_cast<unsigned char>(waiting_[waiting_.size() - back]);
      if (byte < 0x80) return 0;
      if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4U : byte >= 0xe0 ? 3U : 2U) ? back : 0;
    }
    return 0;
  }
  bool pass_on(std::size_t size) {
    const std::string shown = printable(std::string_view(waiting_).substr(0, size));
    waiting_.erase(0, size);
    return noted(to_->sputn(shown.data(), static_cast<std::streamsize>(shown.size())) == static_cast<std::streamsize>(shown.size()));
  }

  std::ostream& stream_;
  std::streambuf* to_;
  std::string waiting_;
  int failure_ = 0;
};

PrintableOutput::PrintableOutput() : terminal_(std::cerr.rdbuf()) {
  out_ = std::make_unique<Filter>(std::cout);
  error_ = std::make_unique<Filter>(std::cerr);
}
PrintableOutput::~PrintableOutput() = default;

std::ostream& PrintableOutput::terminal() { return terminal_; }

int PrintableOutput::failure() const { return out_->failure(); }

}  // namespace simmer
