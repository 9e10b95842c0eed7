"""The English and Japanese words for places, hours, weather, drifting particles and people."""

from __future__ import annotations

from enum import StrEnum


class Mood(StrEnum):
    CITY = "city"
    FOREST = "forest"
    INTERIOR = "interior"
    SKY = "sky"
    COAST = "coast"
    SHRINE = "shrine"


class Hour(StrEnum):
    DAWN = "dawn"
    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


class Weather(StrEnum):
    CLEAR = "clear"
    RAIN = "rain"
    SNOW = "snow"
    STORM = "storm"
    FOG = "fog"


class Drift(StrEnum):
    """What floats in the air besides the weather."""

    NOTHING = "nothing"
    PETALS = "petals"
    LEAVES = "leaves"
    FIREFLIES = "fireflies"
    DUST = "dust"
    EMBERS = "embers"


MOOD_WORDS = {
    Mood.CITY: """
        city cities town urban street alley downtown neon cyberpunk skyscraper tokyo shinjuku akihabara osaka
        rooftop metropolis traffic highway crossing market bar 街 都市 都会 東京 新宿 渋谷 秋葉原 ネオン 路地
        ビル 繁華街
    """,
    Mood.FOREST: """
        forest wood woods jungle tree trees grove nature glade meadow river waterfall deer wolf fox fern moss
        garden park bamboo swamp 森 林 木々 自然 竹 竹林 庭 川 滝 草原
    """,
    Mood.INTERIOR: """
        room interior inside indoors house home kitchen bedroom office library cafe café classroom school
        apartment desk window studio hospital living lamp laboratory bookshop 部屋 室内 教室 学校 家 台所 図書館
        喫茶店 窓 机
    """,
    Mood.SKY: """
        sky skies cloud clouds mountain mountains peak epic dragon flying flight airship castle valley cliff
        hill horizon heaven battle battlefield legend kingdom 空 雲 山 山脈 峰 竜 龍 飛行 城 丘 富士 富士山 戦場
    """,
    Mood.COAST: """
        sea ocean coast beach shore wave waves island harbor harbour ship boat sailboat lighthouse bay port pier
        summer 海 海岸 海辺 浜 浜辺 砂浜 島 波 港 船 灯台 夏
    """,
    Mood.SHRINE: """
        shrine temple torii village pagoda lantern festival kimono samurai shinto monk kyoto countryside rural
        sakura cherry blossom blossoms 神社 鳥居 寺 村 祭り 祭 京都 桜 田舎 着物 侍 武士 灯籠
    """,
}

HOUR_WORDS = {
    Hour.NIGHT: """
        night midnight moon moonlight moonlit stars starry neon cyberpunk nocturnal fireflies firefly 夜 深夜 月
        星 星空 夜空 ネオン 蛍
    """,
    Hour.SUNSET: """
        sunset dusk evening twilight golden autumn farewell 夕日 夕方 夕焼け 夕暮れ 黄昏 秋
    """,
    Hour.DAWN: """
        dawn sunrise morning daybreak sunlit 朝 夜明け 朝日 暁
    """,
    Hour.DAY: """
        day noon daytime afternoon midday sunny summer bright 昼 真昼 晴れ 夏
    """,
}

WEATHER_WORDS = {
    Weather.STORM: """
        storm stormy thunder thunderstorm lightning typhoon tempest 嵐 雷 台風
    """,
    Weather.SNOW: """
        snow snowy snowfall snowing winter blizzard ice frozen 雪 冬 吹雪
    """,
    Weather.RAIN: """
        rain rainy raining rainfall drizzle wet umbrella downpour 雨 傘 梅雨
    """,
    Weather.FOG: """
        fog foggy mist misty haze hazy smoke 霧 靄 霞
    """,
}

DRIFT_WORDS = {
    Drift.PETALS: """
        petal petals sakura cherry blossom blossoms hanami 花びら 桜 花吹雪
    """,
    Drift.LEAVES: """
        leaf leaves autumn maple wind windy 葉 落ち葉 紅葉 秋 風
    """,
    Drift.FIREFLIES: """
        firefly fireflies magic magical spirit spirits fairy glowing 蛍 魔法 精霊
    """,
    Drift.EMBERS: """
        fire flame flames ember embers battle war burning 炎 火 戦い 戦場
    """,
    Drift.DUST: """
        dust dusty motes 埃
    """,
}

FIGURE_WORDS = {
    "detective": """
        detective noir spy agent inspector fedora 探偵 刑事
    """,
    "samurai": """
        samurai ronin swordsman warrior ninja katana swordswoman 侍 武士 剣士 浪人 忍者
    """,
    "kimono": """
        kimono yukata miko geisha maiko 着物 浴衣 巫女 芸者
    """,
    "girl": """
        girl woman schoolgirl heroine lady princess she her mother sister witch idol female 少女 女 女性 女の子
        姫 魔女 母 姉 妹 彼女
    """,
    "boy": """
        boy man schoolboy hero guy student traveler traveller wanderer prince he his father brother pilot male
        少年 男 男性 男の子 王子 父 兄 弟 彼 旅人 学生
    """,
    "figure": """
        person figure character someone stranger pedestrian protagonist people 人 人物 誰か 主人公
    """,
}
WALKING_WORDS = """
    walk walks walking running run runs strolling stroll wandering approaching chase chasing 歩 走 散歩
"""
