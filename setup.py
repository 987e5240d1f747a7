"""Package marquee-tfx: the pipeline's rooms as importable packages, and the `marquee` command."""

from pathlib import Path

from setuptools import find_packages, setup

ROOMS = ("pipeline", "components", "transform", "trainer", "serving")

setup(
    name="marquee-tfx",
    version="0.1.0",
    description="A TFX pipeline that tags films with genres from posters and overviews",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")]),
    package_data={"pipeline.report": ["templates/*.html", "templates/*.md"], "serving.demo": ["page/*"]},
    # Ranges that admit both locked stacks (requirements/*.lock pin them exactly).
    install_requires=[
        "aiohttp>=3.9",
        "apache-beam>=2.60,<3",
        "click>=8",
        "google-crc32c>=1.5",
        "grpcio-health-checking>=1.48",
        "grpcio-reflection>=1.48",
        "jinja2>=3",
        "keras>=3.3,<4",
        "keras-tuner>=1.4,<2",
        "kfp-pipeline-spec>=0.2.2",
        "markdown-it-py>=3",
        "numpy>=1.26",
        "pillow>=10",
        "plotly>=6",
        "prometheus-client>=0.20",
        "rich>=13",
        "scikit-learn>=1.5",
        "scipy>=1.10",
        "tensorboard>=2.16,<2.22",
        "tensorflow>=2.16,<2.22",
        "tensorflow-data-validation>=1.16,<1.22",
        "tensorflow-serving-api>=2.16,<2.22",
        "tensorflow-transform>=1.16,<1.22",
        "tfx>=1.16,<1.22",
        "tomli>=2; python_version < '3.11'",
    ],
    entry_points={"console_scripts": ["marquee=pipeline.cli:main"]},
)
