#include "client/engines/response_reader.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eldr::engines {
namespace {

using Json = nlohmann::json;

// Real bodies nest a handful of levels.
constexpr std::size_t kMaxDepth = 64;
// As much of a foreign text as an error shows.
constexpr std::size_t kShownBytes = 160;

// Where in a body the walk is.
enum class Place : std::uint8_t {
  kElsewhere,
  kResponse,     // the object at the top
  kAnswers,      // the list at the top
  kAnswer,       // the element of it that is asked for
  kChoices,      // choices
  kChoice,       // the element of it that is asked for
  kMetaInfo,     // meta_info
  kSglExt,       // sgl_ext of a choice or of the response
  kUsage,        // usage
  kTransfer,     // kv_transfer_params
  kLists,        // routed_experts as lists
  kPromptLists,  // prompt_routed_experts
};

// Where a member of an object is, if the member is an object itself.
Place ObjectMember(Place parent, absl::string_view key) {
  const bool is_response = parent == Place::kResponse;
  if (key == "meta_info" && (is_response || parent == Place::kAnswer)) return Place::kMetaInfo;
  if ((key == "sgl_ext" || key == "sglext") && (is_response || parent == Place::kChoice)) {
    return Place::kSglExt;
  }
  if (key == "usage" && is_response) return Place::kUsage;
  if (key == "kv_transfer_params" && is_response) return Place::kTransfer;
  return Place::kElsewhere;
}

// And if it is a list.
Place ListMember(Place parent, absl::string_view key) {
  if (parent == Place::kLists || parent == Place::kPromptLists) return parent;
  if (parent == Place::kResponse && key == "choices") return Place::kChoices;
  if (parent == Place::kResponse && key == "prompt_routed_experts") return Place::kPromptLists;
  if (parent == Place::kChoice && key == "routed_experts") return Place::kLists;
  return Place::kElsewhere;
}

// The form of a string that stands at `key` of an object.
std::optional<EngineForm> StringForm(Place parent, absl::string_view key) {
  if (key == "routed_experts") {
    if (parent == Place::kChoice) return EngineForm::kVllmNpy;
    if (parent == Place::kMetaInfo || parent == Place::kSglExt) return EngineForm::kSglangInt32;
  }
  if (parent == Place::kTransfer && key == "eldr_sig") return EngineForm::kReferenceCounts;
  return std::nullopt;
}

// What experts look like at `key`, for whoever sent something else.
absl::string_view Expected(absl::string_view key) {
  if (key == "eldr_sig") return "a string: int16 counts in base64";
  if (key == "prompt_routed_experts") return "lists [tokens][layers][top_k]";
  return "a string, base64 of .npy (vLLM) or int32 (SGLang), or in a choice lists "
         "[tokens][layers][top_k] (vLLM 0.21)";
}

// Walks the events of a JSON parser. Every handler returns whether to go on.
class Walker final : public nlohmann::json_sax<Json> {
 public:
  explicit Walker(std::size_t choice) : choice_(choice) {}

  absl::StatusOr<FoundExperts> Finish() && {
    if (!status_.ok()) return status_;
    if (!found_.form.has_value() && !found_.prompt_lists.complete()) return NothingFound();
    if (choices_ > 1) {
      found_.prompt_tokens.reset();
      found_.completion_tokens.reset();
    }
    return std::move(found_);
  }

  bool null() override {
    const Place place = BeginValue();
    if (StringForm(place, key_).has_value()) saw_null_ = true;
    return RefuseInLists("null");  // anywhere else it says nothing
  }
  bool boolean(bool) override { return RefuseOther("a boolean"); }
  bool number_float(number_float_t, const string_t& text) override {
    return RefuseOther(absl::StrCat("number ", text.substr(0, kShownBytes)));
  }
  bool number_integer(number_integer_t value) override { return Number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMax = static_cast<number_unsigned_t>(INT64_MAX);
    return Number(static_cast<std::int64_t>(value > kMax ? kMax : value));
  }
  bool binary(binary_t&) override { return RefuseOther("binary"); }

  bool string(string_t& text) override {
    const Place place = BeginValue();
    const std::optional<EngineForm> form = StringForm(place, key_);
    if (!form.has_value()) return Refuse(place, "a string");
    found_.base64 = std::move(text);
    return SetForm(*form);
  }

  bool start_object(std::size_t) override {
    const Place parent = BeginValue();
    if (!Refuse(parent, "an object")) return false;
    Place place = ObjectMember(parent, key_);
    if (stack_.empty()) place = Place::kResponse;
    if (IsAsked(Place::kChoices)) place = Place::kChoice;
    if (IsAsked(Place::kAnswers)) place = Place::kAnswer;
    return Push(place, true);
  }
  bool end_object() override { return Pop(); }
  bool key(string_t& text) override {
    key_ = std::move(text);
    return true;
  }

  bool start_array(std::size_t) override {
    const Place parent = BeginValue();
    const Place place = stack_.empty() ? Place::kAnswers : ListMember(parent, key_);
    if (place == Place::kElsewhere && !Refuse(parent, "a list")) return false;
    if (place == Place::kLists && parent != place && !SetForm(EngineForm::kVllmLists)) return false;
    if (place == Place::kPromptLists && parent != place) {
      if (saw_prompt_lists_) return Stop("prompt_routed_experts stands there twice, expected once");
      saw_prompt_lists_ = true;
    }
    RoutedLists* const lists = ListsAt(place);
    if (lists != nullptr && !Check(lists->Begin())) return false;
    return Push(place, false);
  }
  bool end_array() override {
    const Frame& frame = stack_.back();
    if (frame.place == Place::kChoices) choices_ = frame.values;
    if (frame.place == Place::kAnswers) answers_ = frame.values;
    RoutedLists* const lists = ListsAt(frame.place);
    return (lists == nullptr || Check(lists->End())) && Pop();
  }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    absl::string_view what(error.what());
    // Without the library's own name of the error, "[json.exception...] ".
    if (const std::size_t end = what.find("] "); end != absl::string_view::npos) {
      what.remove_prefix(end + 2);
    }
    return Stop(absl::StrCat("no JSON, expected a whole response: ",
                             absl::CHexEscape(what.substr(0, kShownBytes))));
  }

 private:
  struct Frame {
    Place place;
    bool is_object;
    std::size_t values;  // that began in it so far
  };

  // Counts a value and returns where it stands. Elements of lists have no key.
  Place BeginValue() {
    if (stack_.empty()) return Place::kElsewhere;
    ++stack_.back().values;
    if (!stack_.back().is_object) key_.clear();
    return stack_.back().place;
  }

  // Whether the value that has just begun is the one asked for of the list at `place`.
  bool IsAsked(Place place) const {
    return !stack_.empty() && stack_.back().place == place && stack_.back().values == choice_ + 1;
  }

  bool Push(Place place, bool is_object) {
    if (stack_.size() == kMaxDepth) {
      return Stop(absl::StrCat("nested deeper than ", kMaxDepth, " levels, expected a handful"));
    }
    stack_.push_back({place, is_object, 0});
    return true;
  }
  bool Pop() {
    stack_.pop_back();
    return true;
  }

  RoutedLists* ListsAt(Place place) {
    return place == Place::kLists         ? &found_.lists
           : place == Place::kPromptLists ? &found_.prompt_lists
                                          : nullptr;
  }

  bool SetForm(EngineForm form) {
    if (found_.form.has_value()) {
      return Stop(absl::StrCat("experts stand there twice, as ", EngineFormName(*found_.form),
                               " and as ", EngineFormName(form), ", expected one set of them"));
    }
    found_.form = form;
    return true;
  }

  bool Number(std::int64_t value) {
    const Place place = BeginValue();
    RoutedLists* const lists = ListsAt(place);
    if (lists != nullptr) return Check(lists->Add(value));
    std::optional<std::uint32_t>* const tokens = TokensAt(place);
    if (tokens == nullptr) return Refuse(place, absl::StrCat("the number ", value));
    // A body may generate nothing, but it has a prompt.
    const std::int64_t least = tokens == &found_.prompt_tokens ? 1 : 0;
    if (value < least || value > kMaxTokens) {
      return Stop(absl::StrCat(key_, " is ", value, ", expected ", least, " to ", kMaxTokens));
    }
    *tokens = static_cast<std::uint32_t>(value);
    return true;
  }

  // Where the count of tokens belongs that stands at key_; null if none does.
  std::optional<std::uint32_t>* TokensAt(Place place) {
    if (place != Place::kUsage && place != Place::kMetaInfo) return nullptr;
    return key_ == "prompt_tokens"       ? &found_.prompt_tokens
           : key_ == "completion_tokens" ? &found_.completion_tokens
                                         : nullptr;
  }

  bool RefuseOther(absl::string_view what) { return Refuse(BeginValue(), what); }
  // Stops at a value that cannot be what stands at key_; true where nothing is asked for.
  bool Refuse(Place place, absl::string_view what) {
    const bool prompt_lists = place == Place::kResponse && key_ == "prompt_routed_experts";
    if (prompt_lists || StringForm(place, key_).has_value()) {
      return Stop(absl::StrCat(key_, " is ", what, ", expected ", Expected(key_)));
    }
    if (TokensAt(place) != nullptr) {
      return Stop(absl::StrCat(key_, " is ", what, ", expected a whole number"));
    }
    return RefuseInLists(what);
  }
  bool RefuseInLists(absl::string_view what) {
    if (stack_.empty() || ListsAt(stack_.back().place) == nullptr) return true;
    return Stop(absl::StrCat("routed experts: ", what, ", expected a list or an expert id"));
  }

  absl::Status NothingFound() const {
    return absl::InvalidArgumentError(absl::StrCat(
        "body: no routed experts of answer ", choice_,
        saw_null_ ? ", they are null (is the engine told to return them?)" : "", "; it has ",
        choices_ + answers_, " answers; expected choices[", choice_, "].routed_experts (vLLM), ",
        "meta_info.routed_experts (SGLang) or kv_transfer_params.eldr_sig (reference)"));
  }

  bool Check(const absl::Status& status) {
    if (!status.ok()) return Stop(status.message());
    return true;
  }
  bool Stop(absl::string_view what) {
    status_ = absl::InvalidArgumentError(absl::StrCat("body: ", what));
    return false;
  }

  const std::size_t choice_;
  std::vector<Frame> stack_;
  std::string key_;
  FoundExperts found_;
  std::size_t choices_ = 0;  // elements of choices
  std::size_t answers_ = 0;  // of a list at the top
  bool saw_null_ = false;
  bool saw_prompt_lists_ = false;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<FoundExperts> FindExperts(absl::string_view body, std::size_t choice) {
  Walker walker(choice);
  // What it returns, the walker knows better.
  Json::sax_parse(body.begin(), body.end(), &walker);
  return std::move(walker).Finish();
}

}  // namespace eldr::engines
