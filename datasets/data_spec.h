#pragma once

#include "datasets/dataset.h"
#include "engine/graph/model.h"

#include <string_view>

namespace eigenbit::internal {

/// Opens what --data names: NAME[:PATHS][?option=value&option=value…].
///
/// The names are fashion, fashion:DIR, mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, denoise:DIR and
/// superres:HIGH_DIR,LOW_DIR. All know limit=N (the first N examples), mean and std (numbers or fractions, one or one a
/// channel with commas between), channels=1|3 and order=rgb|bgr. Those with labels know split=train|test, which wins
/// over `split`, size=N or size=HxW with fit=crop|stretch|letterbox, resize=N (shorter side), crop=N or crop=HxW
/// (centre), and preset=imagenet for all of these. Restoration knows crop=N (side of training's random crops) and
/// crops=N (how many an epoch takes from one image), denoise also sigma=S (of 255) and seed=N of the noise.
///
/// The preprocessing is the data set's usual one; options win over it. Throws Error for anything else, naming what
/// there is.
Dataset open_dataset(std::string_view spec, DataSplit split);

/// The same for a network: the preprocessing is the model's, where it has one, otherwise the size is the network's
/// where that takes but one, and labels count its classes (match_classes). Throws Error, too, where the images are not
/// what the network takes, naming the options to give.
Dataset open_dataset(std::string_view spec, DataSplit split, const Model& model);

/// The same for a network that is to see the images alone: labels stay what they are.
Dataset open_images(std::string_view spec, DataSplit split, const Model& model);

}  // namespace eigenbit::internal
