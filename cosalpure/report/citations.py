"""BibTeX of the methods, networks and data that a run used, for its report page."""

PAPERS = {
    "cosalpure": (
        "inproceedings{zhu2024cosalpure",
        "CosalPure: Learning Concept from Group Images for Robust Co-Saliency Detection",
        "Zhu, Jiayi and Guo, Qing and Juefei-Xu, Felix and Huang, Yihao and Liu, Yang and Pu, Geguang",
        "CVPR",
        2024,
    ),
    "jadena": (
        "inproceedings{gao2022jadena",
        "Can You Spot the Chameleon? Adversarially Camouflaging Images from Co-Salient Object Detection",
        "Gao, Ruijun and Guo, Qing and Juefei-Xu, Felix and Yu, Hongkai and Fu, Huazhu and Feng, Wei and Liu, Yang "
        "and Wang, Song",
        "CVPR",
        2022,
    ),
    "gicd": (
        "inproceedings{zhang2020gicd",
        "Gradient-Induced Co-Saliency Detection",
        "Zhang, Zhao and Jin, Wenda and Xu, Jun and Cheng, Ming-Ming",
        "ECCV",
        2020,
    ),
    "gcagc": (
        "inproceedings{zhang2020gcagc",
        "Adaptive Graph Convolutional Network with Attention Graph Clustering for Co-Saliency Detection",
        "Zhang, Kaihua and Li, Tengpeng and Shen, Shiwen and Liu, Bo and Chen, Jin and Liu, Qingshan",
        "CVPR",
        2020,
    ),
    "poolnet": (
        "inproceedings{liu2019poolnet",
        "A Simple Pooling-Based Design for Real-Time Salient Object Detection",
        "Liu, Jiang-Jiang and Hou, Qibin and Cheng, Ming-Ming and Feng, Jiashi and Jiang, Jianmin",
        "CVPR",
        2019,
    ),
    "diffpure": (
        "inproceedings{nie2022diffpure",
        "Diffusion Models for Adversarial Purification",
        "Nie, Weili and Guo, Brandon and Huang, Yujia and Xiao, Chaowei and Vahdat, Arash and Anandkumar, Anima",
        "ICML",
        2022,
    ),
    "dda": (
        "inproceedings{gao2023dda",
        "Back to the Source: Diffusion-Driven Adaptation to Test-Time Corruption",
        "Gao, Jin and Zhang, Jialing and Liu, Xihui and Darrell, Trevor and Shelhamer, Evan and Wang, Dequan",
        "CVPR",
        2023,
    ),
    "concept": (
        "inproceedings{gal2023textual",
        "An Image is Worth One Word: Personalizing Text-to-Image Generation using Textual Inversion",
        "Gal, Rinon and Alaluf, Yuval and Atzmon, Yuval and Patashnik, Or and Bermano, Amit H. and Chechik, Gal and "
        "Cohen-Or, Daniel",
        "ICLR",
        2023,
    ),
    "continuous": (
        "inproceedings{chen2021liif",
        "Learning Continuous Image Representation with Local Implicit Image Function",
        "Chen, Yinbo and Liu, Sifei and Wang, Xiaolong",
        "CVPR",
        2021,
    ),
    "corruptions": (
        "inproceedings{hendrycks2019imagenetc",
        "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
        "Hendrycks, Dan and Dietterich, Thomas",
        "ICLR",
        2019,
    ),
}
OWN = {"none", "random_noise", "random_exposure", "jpeg", "blur", "resize", "source_only", "vae_round_trip"}


def bibtex(degradations, purifiers, detectors):
    """The entries of the methods in these sets, CosalPure's first; the names are the registered methods'."""
    wanted = {"cosalpure", *degradations, *purifiers, *detectors}
    if "cosalpure" in purifiers:
        wanted |= {"concept", "continuous"}
    if set(degradations) - OWN - {"jadena"}:
        wanted.add("corruptions")
    return "\n\n".join(_entry(*paper) for name, paper in PAPERS.items() if name in wanted)


def _entry(key, title, authors, venue, year):
    return f"@{key},\n  title = {{{title}}},\n  author = {{{authors}}},\n  booktitle = {{{venue}}},\n  year = {{{year}}}\n}}"
