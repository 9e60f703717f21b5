#include "cli/model_options.h"

namespace eigenbit::internal {

void add_model_options(CLI::App& verb, ModelSource& source) {
    verb.add_option("MODEL", source.path, "ONNX or .ebit file")->type_name("FILE")->required();
    verb.add_flag("--residual", source.residual,
                  "The network outputs the noise in its input, not the image without it");
}

}  // namespace eigenbit::internal
