"""The networks that are exported, by group: name → (function that makes it, shapes of its inputs without the batch).

Weights are drawn at random: what is tested is how networks are written, not what they know.
"""
SMALL = [(3, 64, 64)]
LARGE = [(3, 96, 96)]

# Others of these packages are made of attention and linear layers.
TORCHVISION_WITHOUT_CONVOLUTIONS = ("vit_", "swin_", "maxvit")
# 100 million weights and more take minutes and gigabytes each, and are built of what smaller ones of their families have.
TORCHVISION_LARGE = ("regnet_y_128gf", "regnet_y_32gf", "regnet_x_32gf", "wide_resnet101_2", "efficientnet_v2_l", "convnext_large")

TIMM = """
resnet18d resnet26t seresnet33ts ecaresnet26t resnext26ts skresnet18 resnest14d res2net50_14w_8s densenet121 mobilenetv1_100
mobilenetv2_050 mobilenetv3_small_050 mobilenetv3_rw mobilenetv4_conv_small efficientnet_b0 efficientnet_lite0 tf_efficientnet_b0
tf_efficientnetv2_b0 mixnet_s mnasnet_050 fbnetc_100 fbnetv3_b ghostnet_050 ghostnetv2_100 lcnet_050 tinynet_e hardcorenas_a
semnasnet_075 spnasnet_100 dla34 dpn48b hrnet_w18_small vovnet39a ese_vovnet19b_dw selecsls42b regnetx_002 regnety_002 rexnet_100
repvgg_a0 convnext_atto convnextv2_atto edgenext_xx_small inception_next_atto convmixer_768_32 gernet_s cspresnet50 cspdarknet53
darknet53 nfnet_l0 nf_resnet26 xception41 repghostnet_050 fasternet_t0 mobileone_s0 starnet_s1
""".split()

DECODERS = "Unet UnetPlusPlus MAnet Linknet FPN PSPNet PAN DeepLabV3 DeepLabV3Plus UPerNet Segformer".split()


def modules():
    import modules
    return modules.MODULES


def torchvision():
    from torchvision import models
    result = {}
    for name in models.list_models(module=models):
        if not name.startswith(TORCHVISION_WITHOUT_CONVOLUTIONS) and name not in TORCHVISION_LARGE:
            side = 96 if name.startswith("inception") or name.startswith("googlenet") else 64
            result[name] = (lambda name=name: models.get_model(name, weights=None, **(
                {"init_weights": True} if name in ("inception_v3", "googlenet") else {})), [(3, side, side)])
    for name in models.list_models(module=models.segmentation):
        result[name] = (lambda name=name: models.get_model(name, weights=None, weights_backbone=None), SMALL)
    return result


def timm():
    import timm
    return {name: (lambda name=name: timm.create_model(name, pretrained=False), LARGE) for name in TIMM}


def segmentation_models():
    import segmentation_models_pytorch as smp
    return {name: (lambda name=name: smp.create_model(name, encoder_name="resnet18", encoder_weights=None, classes=2), SMALL)
            for name in DECODERS}


GROUPS = {"modules": modules, "torchvision": torchvision, "timm": timm, "segmentation-models": segmentation_models}
