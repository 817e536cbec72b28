#include "server/config/yaml_documents.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

// Counts, and builds nothing.
class DocumentCounter final : public YAML::EventHandler {
 public:
  // Behind a stray comma yaml-cpp reports empty documents without end.
  bool further() const { return has_content_ || documents_ > kMostEmpty; }
  int line() const { return last_.line + 1; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++documents_;
    last_ = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Content(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    Content(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Content(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Content(mark);
  }
  void OnMapEnd() override {}

 private:
  static constexpr int kMostEmpty = 16;

  void Content(const YAML::Mark& mark) {
    if (documents_ < 2 || has_content_) return;
    has_content_ = true;
    last_ = mark;
  }

  int documents_ = 0;
  bool has_content_ = false;  // behind the first document
  YAML::Mark last_;
};

}  // namespace

absl::Status CheckOneDocument(const std::string& yaml, absl::string_view file_name) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  DocumentCounter counter;
  while (parser.HandleNextDocument(counter)) {
    if (!counter.further()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ":", counter.line(),
                     ": got a second document, expected all keys in the first: no other is read"));
  }
  return absl::OkStatus();
}

}  // namespace eldr
