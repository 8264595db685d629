"""Units of measure as technical texts write them, in normal form, with their dimension and factor.

Each line of `_TABLE` belongs to a dimension: `canonical unit: unit=factor …`; a value in the unit times the factor is
the value in the canonical unit. Degrees Fahrenheit and kelvin have offsets as well. Counts (次, 件, 套 …) are
dimensions of their own each: 100 套 and 100 件 do not compare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TABLE = """
length mm: nm=1e-6 纳米=1e-6 μm=1e-3 um=1e-3 微米=1e-3 丝=1e-2 mm=1 毫米=1 cm=10 厘米=10 dm=100
length mm: m=1e3 米=1e3 km=1e6 公里=1e6 千米=1e6
area m2: mm2=1e-6 平方毫米=1e-6 cm2=1e-4 平方厘米=1e-4 m2=1 平方米=1 km2=1e6 亩=666.6667 公顷=1e4 万m2=1e4 万平方米=1e4
volume L: ul=1e-6 μl=1e-6 ml=1e-3 毫升=1e-3 cm3=1e-3 l=1 升=1 m3=1e3 立方米=1e3
mass kg: ng=1e-12 μg=1e-9 ug=1e-9 mg=1e-6 毫克=1e-6 g=1e-3 克=1e-3 kg=1 千克=1 公斤=1 斤=0.5 t=1e3 吨=1e3 万吨=1e7
concentration g/L: ng/l=1e-9 μg/l=1e-6 ug/l=1e-6 mg/l=1e-3 毫克/升=1e-3 g/l=1 克/升=1 kg/m3=1
molarity mol/L: mmol/l=1e-3 mol/l=1
mass_share mg/kg: μg/kg=1e-3 mg/kg=1 ppm=1 ppb=1e-3 g/kg=1e3
density g/cm3: g/cm3=1 g/ml=1
gas_concentration mg/m3: μg/m3=1e-3 mg/m3=1
area_mass g/m2: g/m2=1 kg/m2=1e3
time h: ns=2.7777778e-13 μs=2.7777778e-10 us=2.7777778e-10 ms=2.7777778e-7 毫秒=2.7777778e-7
time h: s=2.7777778e-4 秒=2.7777778e-4 min=0.016666667 分钟=0.016666667 h=1 hr=1 hrs=1 hours=1 小时=1
time h: d=24 天=24 日=24 个月=720 月=720 years=8760 年=8760
rotation r/min: rpm=1 r/min=1 转/分=1 转/分钟=1
speed m/s: mm/s=1e-3 m/min=0.016666667 m/s=1 米/秒=1 km/h=0.27777778
flow m3/h: l/min=0.06 m3/h=1 m3/d=0.041666667
throughput t/d: t/d=1 吨/天=1 t/h=24 吨/小时=24 kg/h=0.024
temperature ℃: °c=1 摄氏度=1 °f=0.55555556 k=1
angle °: °=1 度=1
pressure MPa: pa=1e-6 kpa=1e-3 mpa=1 gpa=1e3 bar=0.1 mbar=1e-4 n/mm2=1 kgf/cm2=0.0980665
force N: n=1 kn=1e3 牛=1
line_force N/m: n/cm=100 n/m=1 kn/m=1e3
torque N·m: n·m=1
impact kJ/m2: j/m2=1e-3 kj/m2=1
voltage V: mv=1e-3 v=1 伏=1 kv=1e3
current A: ua=1e-6 μa=1e-6 ma=1e-3 a=1 安=1
current_density A/dm2: a/dm2=1 ma/cm2=0.1 a/m2=0.01
power W: mw=1e-3 w=1 瓦=1 kw=1e3 千瓦=1e3 gw=1e9
energy Wh: wh=1 kwh=1e3 千瓦时=1e3 mwh=1e6 gwh=1e9
heat J: j=1 kj=1e3 cal=4.184 kcal=4184
charge Ah: mah=1e-3 ah=1
specific_capacity mAh/g: mah/g=1
specific_energy Wh/kg: wh/kg=1
energy_density Wh/L: wh/l=1
specific_power W/kg: w/kg=1
resistance Ω: mω=1e-3 ω=1 欧姆=1 kω=1e3
resistivity Ω·cm: ω·cm=1 ω·m=100
conductivity S/cm: ms/cm=1e-3 s/cm=1 s/m=0.01
capacitance F: pf=1e-12 nf=1e-9 μf=1e-6 uf=1e-6
specific_capacitance F/g: f/g=1
frequency Hz: hz=1 khz=1e3 mhz=1e6 ghz=1e9 赫兹=1
level dB: db=1 分贝=1
gain dBi: dbi=1
efficacy lm/W: lm/w=1 流明/瓦=1
luminous_flux lm: lm=1 流明=1
luminance cd/m2: cd/m2=1 nit=1 nits=1
illuminance lx: lx=1 lux=1
thermal_conductivity W/(m·K): w/mk=1 w/m·k=1 w/(m·k)=1 w/(mk)=1 w/m.k=1
data_rate Mbps: kbps=1e-3 mbps=1 gbps=1e3
storage GB: mb=1e-3 gb=1 tb=1e3
share %: ‰=0.1 %=1 wt%=1 vol%=1 百分点=1 个百分点=1
money 万元: 元=1e-4 万元=1 亿元=1e4 万人民币=1
cycles 次: 次=1 千次=1e3 万次=1e4 亿次=1e8 次循环=1 cycles=1 times=1
pieces 件: 件=1 万件=1e4 pcs=1
sets 套: 套=1 万套=1e4
machines 台: 台=1 万台=1e4
birds 羽: 羽=1 万羽=1e4
heads 头: 头=1 万头=1e4
layers 层: 层=1
mesh 目: 目=1
grade 级: 级=1
ratio 倍: 倍=1
pixels 万像素: 万像素=1 像素=1e-4
resolution dpi: dpi=1
frames fps: fps=1
hardness_vickers HV: hv=1
hardness_brinell HB: hb=1 hbw=1
hardness_rockwell HRC: hrc=1
per_minute 次/min: 次/分=1 次/分钟=1 次/min=1
"""

_OFFSETS = {"°f": -32 * 0.55555556, "k": -273.15}


@dataclass(frozen=True, slots=True)
class Unit:
    """value · `factor` + `offset` is the value in the `canonical` unit of `dimension`."""

    dimension: str
    canonical: str
    factor: float
    offset: float = 0.0


def _read_table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        head, _, entries = line.partition(": ")
        dimension, canonical = head.split(" ")
        for entry in entries.split():
            name, _, factor = entry.rpartition("=")
            units[name] = Unit(dimension, canonical, float(factor), _OFFSETS.get(name, 0.0))
    return units


UNITS = _read_table()
"""By their name in normal form (lower case: `mw` is read as milliwatt or megawatt, see `quantities`)."""

UNIT_PATTERN = "|".join(re.escape(name) for name in sorted(UNITS, key=lambda name: (-len(name), name)))

NUMBER_PATTERN = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:\s?[x×*]\s?10\^?-?\d+|\^-?\d+|e-?\d+(?![0-9a-z]))?"
