#include "client/ctl/completion.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace eldr::ctl {
namespace {

struct Option {
  std::vector<std::string> names;  // "--help", "-h"
  std::string help;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> values;  // those that are allowed; empty: any
};

struct Word {
  std::string word;
  std::string help;
};

// What may follow the commands of `path`, "nodes register" for example.
struct Level {
  std::string path;
  std::vector<Word> words;  // commands, or the values of the first argument
  std::vector<Option> options;
};

// The values of a type such as "TEXT:{table,json}".
std::vector<std::string> ValuesOf(const std::string& type) {
  const auto open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return absl::StrSplit(type.substr(open + 1, close - open - 1), ',', absl::SkipEmpty());
}

Option Describe(const CLI::Option& option) {
  Option described;
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  described.help = option.get_description();
  described.takes_value = option.get_items_expected_max() > 0;
  described.takes_file = absl::StrContains(option.get_type_name(), "FILE");
  described.values = ValuesOf(option.get_type_name());
  return described;
}

// `path` and everything below it; `global` are the options that may follow any command.
void Collect(const CLI::App& app, const std::string& path, const std::vector<Option>& global,
             std::vector<Level>& levels) {
  Level level;
  level.path = path;
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* const sub : subcommands) {
    level.words.push_back({sub->get_name(), sub->get_description()});
  }
  for (const CLI::Option* const option : app.get_options()) {
    if (!option->get_positional()) {
      level.options.push_back(Describe(*option));
    } else if (level.words.empty()) {
      for (const std::string& value : ValuesOf(option->get_type_name())) {
        level.words.push_back({value, option->get_description()});
      }
    }
  }
  level.options.insert(level.options.end(), global.begin(), global.end());
  levels.push_back(level);
  std::vector<Option> below = global;
  if (path.empty()) {
    for (const Option& option : level.options) {
      // Each command has its own --help; --version stands alone.
      if (option.names[0] != "--help" && option.names[0] != "--version") below.push_back(option);
    }
  }
  for (const CLI::App* const sub : subcommands) {
    Collect(*sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()), below, levels);
  }
}

std::vector<Level> LevelsOf(const CLI::App& app) {
  std::vector<Level> levels;
  Collect(app, "", {}, levels);
  return levels;
}

// In single quotes, for any shell.
std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}, {"\n", " "}}), "'");
}
std::string QuotedForFish(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}, {"\n", " "}}),
                      "'");
}

std::string AllWords(const Level& level) {
  std::vector<std::string> words;
  for (const Word& word : level.words) words.push_back(word.word);
  for (const Option& option : level.options) {
    words.insert(words.end(), option.names.begin(), option.names.end());
  }
  return absl::StrJoin(words, " ");
}

// The patterns that lead from a level to the one below: " nodes", "nodes register".
std::string Steps(const std::vector<Level>& levels, const char* separator) {
  std::vector<std::string> steps;
  for (const Level& level : levels) {
    if (level.path.empty()) continue;
    const bool first = !absl::StrContains(level.path, ' ');
    steps.push_back(absl::StrCat("'", first ? " " : "", level.path, "'"));
  }
  return absl::StrJoin(steps, separator);
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const std::vector<Level> levels = LevelsOf(app);
  const std::string& name = app.get_name();
  std::string script =
      absl::StrReplaceAll(R"(# bash completion of %NAME%; written by `%NAME% completion bash`
_%NAME%() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} path= words= i
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${COMP_WORDS[i]}" in
      %STEPS%) path="${path:+$path }${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
)",
                          {{"%NAME%", name}, {"%STEPS%", Steps(levels, "|")}});
  std::string words;
  for (const Level& level : levels) {
    for (const Option& option : level.options) {
      if (!option.takes_value) continue;
      const std::string patterns =
          absl::StrJoin(option.names, "|", [&](std::string* out, const std::string& option_name) {
            absl::StrAppend(out, "'", level.path, " ", option_name, "'");
          });
      const std::string values = absl::StrJoin(option.values, " ");
      absl::StrAppend(&script, "    ", patterns, ") COMPREPLY=(",
                      option.takes_file ? "$(compgen -f -- \"$cur\")"
                      : values.empty()  ? ""
                                        : absl::StrCat("$(compgen -W '", values, "' -- \"$cur\")"),
                      "); return ;;\n");
    }
    absl::StrAppend(&words, "    '", level.path, "') words='", AllWords(level), "' ;;\n");
  }
  absl::StrAppend(
      &script, "  esac\n  case $path in\n", words,
      "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o filenames -F _",
      name, " ", name, "\n");
  return script;
}

std::string ZshCompletion(const CLI::App& app) {
  const std::vector<Level> levels = LevelsOf(app);
  const std::string& name = app.get_name();
  std::string script = absl::StrReplaceAll(R"(#compdef %NAME%
# zsh completion of %NAME%; written by `%NAME% completion zsh`
_%NAME%() {
  local at= word
  local -a choices
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      %STEPS%) at="${at:+$at }$word" ;;
    esac
  done
  case "$at ${words[CURRENT-1]}" in
)",
                                           {{"%NAME%", name}, {"%STEPS%", Steps(levels, "|")}});
  std::string choices;
  for (const Level& level : levels) {
    absl::StrAppend(&choices, "    '", level.path, "') choices=(");
    for (const Word& word : level.words) {
      absl::StrAppend(&choices, Quoted(absl::StrCat(word.word, ":", word.help)), " ");
    }
    for (const Option& option : level.options) {
      for (const std::string& option_name : option.names) {
        absl::StrAppend(&choices, Quoted(absl::StrCat(option_name, ":", option.help)), " ");
        if (!option.takes_value) continue;
        absl::StrAppend(&script, "    '", level.path, " ", option_name, "') ",
                        option.takes_file ? "_files"
                        : option.values.empty()
                            ? absl::StrCat("_message ", Quoted(option.help))
                            : absl::StrCat("compadd -- ", absl::StrJoin(option.values, " ")),
                        "; return ;;\n");
      }
    }
    absl::StrAppend(&choices, ") ;;\n");
  }
  absl::StrAppend(&script, "  esac\n  case $at in\n", choices, "  esac\n",
                  "  _describe 'command or option' choices\n}\n");
  // As a file of $fpath it is the function's body; sourced, it has to be declared.
  absl::StrAppend(&script, "if [ \"$funcstack[1]\" = _", name, " ]; then _", name,
                  " \"$@\"; else compdef _", name, " ", name, "; fi\n");
  return script;
}

std::string FishCompletion(const CLI::App& app) {
  const std::vector<Level> levels = LevelsOf(app);
  const std::string& name = app.get_name();
  std::string script =
      absl::StrReplaceAll(R"(# fish completion of %NAME%; written by `%NAME% completion fish`
function __%NAME%_path
  set -l path
  for word in (commandline -opc)[2..-1]
    switch "$path $word"
      case %STEPS%
        set path (string trim -- "$path $word")
    end
  end
  echo $path
end
complete -c %NAME% -f
)",
                          {{"%NAME%", name}, {"%STEPS%", Steps(levels, " ")}});
  for (const Level& level : levels) {
    const std::string here =
        absl::StrCat("complete -c ", name, " -n 'test (__", name, "_path) = \"", level.path, "\"'");
    for (const Word& word : level.words) {
      absl::StrAppend(&script, here, " -a ", word.word, " -d ", QuotedForFish(word.help), "\n");
    }
    for (const Option& option : level.options) {
      absl::StrAppend(&script, here);
      for (const std::string& option_name : option.names) {
        const bool is_long = option_name[1] == '-';
        absl::StrAppend(&script, is_long ? " -l " : " -s ", option_name.substr(is_long ? 2 : 1));
      }
      if (option.takes_value) absl::StrAppend(&script, option.takes_file ? " -r -F" : " -x");
      if (!option.values.empty()) {
        absl::StrAppend(&script, " -a ", QuotedForFish(absl::StrJoin(option.values, " ")));
      }
      absl::StrAppend(&script, " -d ", QuotedForFish(option.help), "\n");
    }
  }
  return script;
}

}  // namespace eldr::ctl
