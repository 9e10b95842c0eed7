"""The English and Japanese words for places, hours, weather and drifting particles.

In the tables "_" is a space, and an English word stands for its plural in -s or -es too.
"""

from __future__ import annotations

from tower_animatic.setting_parts import Drift, Hour, Mood, Weather

MOOD_WORDS = {
    Mood.UNDERWATER: """
        underwater under_water under_the_sea under_the_ocean beneath_the_sea beneath_the_waves deep_sea seabed
        sea_floor ocean_floor sunken_city atlantis coral_reef 水中 海底 深海 海の底 水の中 竜宮城 サンゴ礁
    """,
    Mood.PLANET: """
        mars martian alien_planet alien_world another_planet red_planet 火星 異星 別の惑星 赤い惑星
    """,
    Mood.SPACE: """
        outer_space in_space deep_space space_station orbit galaxy galaxies nebula lunar_surface on_the_moon
        surface_of_the_moon moon_base cosmos asteroid 宇宙 宇宙空間 宇宙ステーション 銀河 星雲 月面 月の上 軌道
        小惑星
    """,
    Mood.CAVE: """
        cave cavern grotto underground dungeon mine_shaft 洞窟 洞穴 地下 地底 鍾乳洞
    """,
    Mood.BATTLEFIELD: """
        battlefield battleground trenches war_zone 戦場 合戦場 古戦場
    """,
    Mood.SNOWFIELD: """
        snow_mountain snowy_mountain snow_field snowfield snowy_field tundra glacier arctic antarctic antarctica
        north_pole south_pole ski_slope 雪山 雪原 氷河 北極 南極
    """,
    Mood.DESERT: """
        desert dune sand_dune sahara oasis wasteland 砂漠 砂丘 荒野 オアシス
    """,
    Mood.CITY: """
        city cities town urban street alley alleyway downtown skyscraper tokyo shinjuku akihabara osaka yokohama
        shibuya rooftop metropolis highway pedestrian_crossing intersection market 街 都市 都会 東京 東京都 大阪
        横浜 新宿 渋谷 秋葉原 路地 ビル 繁華街 屋上 商店街
    """,
    Mood.FOREST: """
        forest woods jungle grove glade river riverbank waterfall garden park bamboo swamp woodland 森 林 竹林 庭 川
        滝 公園 ジャングル
    """,
    Mood.INTERIOR: """
        room living_room interior indoors house home kitchen bedroom office library libraries cafe café classroom
        school apartment hospital laboratory laboratories bookshop restaurant bar 部屋 室内 教室 学校 家 台所 図書館
        喫茶店 病院
    """,
    Mood.VILLAGE: """
        village countryside rural farm farmhouse hamlet rice_paddy rice_paddies rice_field 村 田舎 農村 里山 田んぼ
        集落
    """,
    Mood.SHRINE: """
        shrine temple torii pagoda kyoto 神社 鳥居 寺 京都
    """,
    Mood.COAST: """
        sea ocean coast beach beaches shore island harbor harbour lighthouse bay port pier seaside 海 海岸 海辺 浜
        浜辺 砂浜 島 港 灯台
    """,
    Mood.MEADOW: """
        meadow field grassland prairie pasture flower_field field_of_flowers sunflower_field wheat_field 草原 野原
        花畑 原っぱ 牧場 麦畑
    """,
    Mood.SKY: """
        sky skies mountain peak cliff valley castle hill hilltop above_the_clouds sea_of_clouds 空 山 山脈 峰 城 丘
        富士 富士山 雲海 崖 谷
    """,
}

HINT_WORDS = {
    Mood.UNDERWATER: "coral mermaid 人魚 珊瑚",
    Mood.SPACE: "astronaut spaceship starship rocket planet 宇宙飛行士 宇宙船 惑星",
    Mood.BATTLEFIELD: "battle war 戦争 合戦 戦い",
    Mood.SNOWFIELD: "snow snowy snowfall snowing blizzard 雪 吹雪",
    Mood.DESERT: "camel cactus cacti ラクダ サボテン",
    Mood.CITY: "neon cyberpunk traffic ネオン サイバーパンク",
    Mood.FOREST: "tree fern moss 木々 大木",
    Mood.INTERIOR: "window desk curtain bookshelf bookshelves 窓 机 本棚",
    Mood.SHRINE: "lantern shinto cherry_tree cherry_blossom sakura 灯籠 桜",
    Mood.COAST: "boat sailboat ship 船 ヨット",
    Mood.MEADOW: "wildflower grass dandelion sunflower 草むら 草花 ひまわり",
}
"""Words for what belongs to a place. They count only where a prompt names no place."""

HOUR_WORDS = {
    Hour.NIGHT: """
        night midnight moon moonlight moonlit stars starry starlight nocturnal fireflies firefly 夜 深夜 夜中 月
        月夜 月光 満月 三日月 星 星空 夜空 蛍
    """,
    Hour.SUNSET: """
        sunset dusk evening twilight golden_hour blue_hour 夕日 夕方 夕焼け 夕暮れ 黄昏
    """,
    Hour.DAWN: """
        dawn sunrise morning daybreak 朝 夜明け 朝日 暁 早朝
    """,
    Hour.DAY: """
        day daylight noon daytime afternoon midday sunny sunlit sunshine 昼 真昼 昼間 午後 日中 晴れ
    """,
}

WEATHER_WORDS = {
    Weather.STORM: """
        storm stormy thunder thunderstorm lightning typhoon tempest hurricane 嵐 雷 台風 雷雨 暴風雨
    """,
    Weather.SNOW: """
        snow snowy snowfall snowing winter blizzard 雪 冬 吹雪
    """,
    Weather.RAIN: """
        rain rainy raining rainfall drizzle downpour 雨 梅雨 小雨 大雨 夕立
    """,
    Weather.FOG: """
        fog foggy mist misty haze hazy 霧 靄 霞
    """,
}

DRIFT_WORDS = {
    Drift.PETALS: """
        petal sakura cherry_blossom cherry_tree cherry_petal blossom hanami 花びら 桜 花吹雪
    """,
    Drift.LEAVES: """
        falling_leaves autumn maple fallen_leaves 落ち葉 紅葉 秋
    """,
    Drift.FIREFLIES: """
        firefly fireflies magic magical fairy fairies 蛍 魔法 精霊 妖精
    """,
    Drift.EMBERS: """
        fire flame ember battle battlefield war burning battleground 炎 火 戦い 戦場 合戦 戦争
    """,
    Drift.DUST: """
        dust dusty motes 埃
    """,
    Drift.GUSTS: """
        wind windy breeze gust gale sandstorm 風 強風 そよ風 砂嵐
    """,
}

OTHER_MEANINGS = """
    golden_retriever starfish one_day good_night good_morning street_clothes street_fashion neon_glow towering_cloud
    studio_ghibli home_run homework field_of_view depth_of_field shallow_depth_of_field park_ranger bar_of
    bay_window polar_bear cat_ear cat_eye cat_mask cat_tail fox_ear fox_mask fox_tail dog_ear dog_tag
    wolf_ear dragon_tattoo dragonfly dragonflies bird's_eye_view bird's_eye bird_cage moon_necklace star_earring
    hot_dog room_temperature city_girl country_girl house_cat castle_in_the_sky sky_blue sea_green ocean_blue
    forest_green rose_garden_dress snow_white wolf_cut teddy_bear fire_in_her_eyes rainbow rain_coat raincoat
    snowman port_wine mountain_bike beach_ball night_gown nightgown day_dream daydream 東京人 空手 空気 空っぽ 空白
    空腹 空想 空港 画家 作家 家族 家庭 専門家 芸術家 写真家 アニメ風 和風 洋風 風呂 風景 風邪 風船 今月 毎月 来月
    正月 一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月 月曜 火曜 火曜日 月曜日 花火 海斗 海外 空色
    水色 森田 山田 山口 山本 小林 林檎 川口 石川 村上 田村 木村 島田 城田 寺田 雪乃 雪子 星野 朝食 昼食 夜食 人形
    名人 大人 主人公 宇宙人 猫耳 猫背 狐面 狐の面 犬歯 鳥肌 竜巻 女王 王女 女神 一人 二人 三人 山羊 鹿児島 春雨
    梅雨入り 炎上 火花 港区 雷鳴 電波 影響
"""
"""Expressions that contain a word of another table and do not mean it."""
